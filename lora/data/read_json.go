package data

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// json reads an array of objects, or one object per line. A file that is a single object is one row.
func (r *reader) json(content []byte) {
	start := len(content) - len(bytes.TrimLeft(content, " \t\r\n"))
	switch {
	case content[start] == '[':
		r.jsonArray(content)
	case json.Valid(content):
		r.object(1+bytes.Count(content[:start], []byte("\n")), content)
	default:
		r.jsonLines(content)
	}
}

func (r *reader) jsonLines(content []byte) {
	for line := 1; len(content) > 0 && !r.done(); line++ {
		row, rest, _ := bytes.Cut(content, []byte("\n"))
		content = rest
		row = bytes.TrimSpace(row)
		if len(row) == 0 {
			continue
		}
		var raw json.RawMessage
		if err := json.Unmarshal(row, &raw); err != nil {
			r.seen++
			r.fail(line, "", "want a JSON object, have %s", jsonError(err))
			continue
		}
		r.object(line, raw)
	}
}

// jsonArray goes on after a bad element where its end is known; bad syntax ends the file.
func (r *reader) jsonArray(content []byte) {
	d := json.NewDecoder(bytes.NewReader(content))
	if _, err := d.Token(); err != nil {
		r.fail(1, "", "want a JSON array, have %s", jsonError(err))
		return
	}
	lines := lineCounter{content: content, line: 1}
	for d.More() && !r.done() {
		before := d.InputOffset()
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			r.seen++
			r.stopped = true
			r.fail(lines.at(before+int64(skipped(content[before:]))), "", "want a JSON object, have %s", jsonError(err))
			return
		}
		r.object(lines.at(d.InputOffset()-int64(len(raw))), raw)
	}
	if r.done() {
		return
	}
	if _, err := d.Token(); err != nil {
		r.fail(lines.at(int64(len(content))), "", "want the end of the array, have %s", jsonError(err))
		return
	}
	if rest := bytes.TrimLeft(content[d.InputOffset():], " \t\r\n"); len(rest) > 0 {
		c, _ := utf8.DecodeRune(rest)
		r.fail(lines.at(int64(len(content)-len(rest))), "", "want nothing after the array, have %q", c)
	}
}

// skipped is the length of what stands between two elements of an array.
func skipped(b []byte) int { return len(b) - len(bytes.TrimLeft(b, ", \t\r\n")) }

// lineCounter gives line numbers of offsets that never go back.
type lineCounter struct {
	content []byte
	offset  int64
	line    int
}

func (l *lineCounter) at(offset int64) int {
	if offset > l.offset {
		l.line += bytes.Count(l.content[l.offset:offset], []byte("\n"))
		l.offset = offset
	}
	return l.line
}

// object takes a JSON value that is known to be valid. Of fields that come twice the last one counts, as in Python.
func (r *reader) object(line int, raw []byte) {
	raw = bytes.TrimSpace(raw)
	if kind := jsonKind(raw); kind != "object" {
		r.seen++
		r.fail(line, "", "want a JSON object, have %s", article(kind))
		return
	}
	rec := record{line: line, values: map[string]value{}}
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		r.seen++
		r.fail(line, "", "want a JSON object, have %s", jsonError(err))
		return
	}
	for d.More() {
		token, err := d.Token()
		var content json.RawMessage
		if err == nil {
			err = d.Decode(&content)
		}
		if err != nil {
			r.seen++
			r.fail(line, "", "want a JSON object, have %s", jsonError(err))
			return
		}
		name, _ := token.(string)
		if len(rec.names) < 9 {
			rec.names = append(rec.names, name)
		}
		if wanted(name) {
			rec.values[name] = value{kind: jsonKind(content), raw: string(content), json: true}
		}
	}
	r.add(rec)
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
