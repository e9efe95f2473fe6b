package data

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// json reads an array of objects, one object per line, or objects one after the other over as many lines as they take.
func (r *reader) json(src *source) error {
	blank, err := src.blank()
	if errors.Is(err, io.EOF) {
		r.empty = true
		return nil
	} else if err != nil {
		return unexpected(err)
	}
	if first, err := src.Peek(1); err == nil && first[0] == '[' {
		lines := &lineReader{r: src, line: 1 + blank}
		return r.jsonArray(json.NewDecoder(lines), lines)
	}
	line, err := readLine(src.Reader)
	if err != nil {
		return unexpected(err)
	}
	if src.ext == ".json" && !json.Valid(line.text) && !line.tooLong {
		lines := &lineReader{r: io.MultiReader(bytes.NewReader(line.all), src), line: 1 + blank}
		return r.jsonValues(json.NewDecoder(lines), lines)
	}
	return r.jsonLines(1+blank, line, src.Reader)
}

// jsonLine is one line of a file.
type jsonLine struct {
	all, text []byte // with and without the white space around it
	tooLong   bool
}

// readLine reads a line into memory of its own. Of a line that is too long it reads all and keeps nothing.
func readLine(b *bufio.Reader) (l jsonLine, err error) {
	for {
		part, err := b.ReadSlice('\n')
		if !l.tooLong {
			l.all = append(l.all, part...)
		}
		if len(l.all) > maxRowBytes {
			l.all, l.tooLong = nil, true
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		l.text = bytes.TrimSpace(l.all)
		if errors.Is(err, io.EOF) && (len(l.all) > 0 || l.tooLong) {
			err = nil
		}
		return l, err
	}
}

func (r *reader) jsonLines(n int, line jsonLine, src *bufio.Reader) error {
	for ; !r.done(); n++ {
		var err error
		switch bad := checkJSON(line.text); {
		case line.tooLong:
			err = r.fail(n, nil, "%s", errTooLong.Error())
		case len(line.text) == 0:
		case bad != nil:
			err = r.fail(n, line.text, "want a JSON object, have %s", jsonError(bad))
		default:
			err = r.object(n, line.text)
		}
		if err != nil || r.done() {
			return err
		}
		if line, err = readLine(src); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return unexpected(err)
		}
	}
	return nil
}

func checkJSON(text []byte) error {
	if len(text) == 0 || json.Valid(text) {
		return nil
	}
	var raw json.RawMessage
	return json.Unmarshal(text, &raw)
}

// jsonArray goes on after a bad element where its end is known; bad syntax ends the file.
func (r *reader) jsonArray(d *json.Decoder, lines *lineReader) error {
	lines.allow(0)
	if _, err := d.Token(); err != nil {
		return r.jsonEnd(lines.line, "a JSON array", err)
	}
	for !r.done() {
		lines.allow(d.InputOffset())
		if !d.More() {
			break
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return r.jsonEnd(lines.at(d.InputOffset()+skipped(d)), "a JSON object", err)
		}
		if err := r.object(lines.at(d.InputOffset()-int64(len(raw))), raw); err != nil {
			return err
		}
	}
	if r.done() {
		return nil
	}
	if _, err := d.Token(); err != nil {
		return r.jsonEnd(lines.at(math.MaxInt64), "the end of the array", err)
	}
	end := d.InputOffset()
	rest := bufio.NewReader(io.MultiReader(d.Buffered(), lines))
	for {
		lines.allow(lines.read)
		c, n, err := rest.ReadRune()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return unexpected(err)
		}
		if !strings.ContainsRune(" \t\r\n", c) {
			r.end(lines.at(end), "want nothing after the array, have %q", c)
			return nil
		}
		end += int64(n)
	}
}

// skipped is the length of what stands between two elements of an array and is already read.
func skipped(d *json.Decoder) (n int64) {
	b := bufio.NewReader(d.Buffered())
	for {
		c, err := b.ReadByte()
		if err != nil || strings.IndexByte(", \t\r\n", c) < 0 {
			return n
		}
		n++
	}
}

// jsonEnd reports what is not JSON, or passes on what could not be read.
func (r *reader) jsonEnd(line int, wanted string, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, errTooLong) {
		r.end(line, "want %s, have %s", wanted, jsonError(err))
		return nil
	}
	return err
}

// jsonValues reads objects that may take several lines. Bad syntax ends the file.
func (r *reader) jsonValues(d *json.Decoder, lines *lineReader) error {
	for !r.done() {
		lines.allow(d.InputOffset())
		var raw json.RawMessage
		if err := d.Decode(&raw); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return r.jsonEnd(lines.at(d.InputOffset()+skipped(d)), "a JSON object", err)
		}
		if err := r.object(lines.at(d.InputOffset()-int64(len(raw))), raw); err != nil {
			return err
		}
	}
	return nil
}

// object takes a JSON value that is known to be valid.
func (r *reader) object(line int, raw []byte) error {
	raw = bytes.TrimSpace(raw)
	if kind := jsonKind(raw); kind != "object" {
		return r.fail(line, raw, "want a JSON object, have %s", article(kind))
	}
	fields, twice, err := jsonFields(raw)
	if err != nil {
		return r.fail(line, raw, "want a JSON object, have %s", jsonError(err))
	}
	rec := record{line: line, values: map[string]value{}}
	if utf8.Valid(raw) {
		rec.raw = func() json.RawMessage { return raw }
	} else {
		rec.raw = func() json.RawMessage { return asString(string(raw)) }
	}
	for _, f := range fields {
		if len(rec.names) < maxColumns {
			rec.names = append(rec.names, f.name)
		}
		if r.wanted(f.name) {
			rec.values[f.name] = value{kind: jsonKind(f.raw), raw: string(f.raw), json: true}
		}
	}
	for _, name := range twice {
		if r.wanted(name) {
			rec.twice = append(rec.twice, name)
		}
	}
	return r.add(rec)
}

type jsonField struct {
	name string
	raw  json.RawMessage
}

// jsonFields returns the fields of a valid object in their order, of those that come twice the last, and these.
func jsonFields(raw []byte) (fields []jsonField, twice []string, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return nil, nil, err
	}
	at := map[string]int{}
	for d.More() {
		token, err := d.Token()
		f := jsonField{}
		if err == nil {
			f.name, _ = token.(string)
			err = d.Decode(&f.raw)
		}
		if err != nil {
			return nil, nil, err
		}
		if i, ok := at[f.name]; ok {
			fields[i], twice = f, append(twice, f.name)
			continue
		}
		at[f.name] = len(fields)
		fields = append(fields, f)
	}
	return fields, twice, nil
}

func jsonKind(raw []byte) string {
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

func jsonError(err error) string {
	if errors.Is(err, errTooLong) {
		return "more than a row may have: " + err.Error()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "the end of the file"
	}
	return "bad JSON: " + err.Error()
}

// halfSurrogate finds a \u escape of a valid JSON string that is no character; encoding/json would put U+FFFD there.
func halfSurrogate(s string) bool {
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i+1 >= len(s) {
			return false
		}
		unit, ok := escapedUnit(s[i:])
		if !ok {
			s = s[i+2:]
			continue
		}
		s = s[i+6:]
		switch {
		case unit >= 0xdc00 && unit < 0xe000:
			return true
		case unit >= 0xd800 && unit < 0xdc00:
			low, ok := escapedUnit(s)
			if !ok || low < 0xdc00 || low >= 0xe000 {
				return true
			}
			s = s[6:]
		}
	}
}

func escapedUnit(s string) (uint64, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(s[2:6], 16, 16)
	return unit, err == nil
}
