package data

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
)

// parquet reads a parquet file row by row. Lists and groups become JSON with the keys of groups in alphabetical order.
//
// The library checks what it reads in most places, but panics over some broken files: that is an error here too.
func (r *reader) parquet(src *source) (err error) {
	defer func() {
		if p := recover(); p != nil && r.failed == nil {
			r.end(1+r.seen, "want a parquet file, have one that is broken: %.200v", p)
			err = nil
		}
	}()
	f, err := openParquet(src.at, src.size)
	if err != nil {
		r.end(1, "want a parquet file: %s", err)
		return nil
	}
	var names []string
	for _, c := range f.Schema().Fields() {
		names = append(names, c.Name())
	}
	for _, group := range f.RowGroups() {
		rows := group.Rows()
		err := r.parquetRows(f.Schema(), rows, names)
		if err = errors.Join(err, rows.Close()); err != nil || r.done() {
			return err
		}
	}
	if want := f.NumRows(); int64(r.seen) < want {
		r.end(1+r.seen, "want the %d rows that the file says it has, have its end", want)
	}
	return nil
}

// openParquet checks the length of the footer before memory is made for it.
func openParquet(at io.ReaderAt, size int64) (*parquet.File, error) {
	var tail [8]byte
	if size < 12 {
		return nil, fmt.Errorf("want at least 12 bytes, have %d", size)
	}
	if _, err := at.ReadAt(tail[:], size-8); err != nil {
		return nil, err
	}
	if string(tail[4:]) != "PAR1" {
		return nil, fmt.Errorf("want PAR1 at the end, have %q: is it whole?", tail[4:])
	}
	if n := int64(binary.LittleEndian.Uint32(tail[:])); n > size-12 {
		return nil, fmt.Errorf("want a footer within the file's %d bytes, have one of %d", size, n)
	}
	return parquet.OpenFile(at, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
}

func (r *reader) parquetRows(schema *parquet.Schema, rows parquet.Rows, names []string) error {
	var buffer [16]parquet.Row
	for !r.done() {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		n, err := rows.ReadRows(buffer[:])
		for _, row := range buffer[:n] {
			if r.done() {
				return nil
			}
			var v any
			if err := schema.Reconstruct(&v, row); err != nil {
				r.end(1+r.seen, "want a parquet row: %s", err)
				return nil
			}
			columns, _ := v.(map[string]any)
			if err := r.add(r.parquetRecord(names, columns)); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			r.end(1+r.seen, "want a parquet row: %s", err)
			return nil
		}
	}
	return nil
}

func (r *reader) parquetRecord(names []string, columns map[string]any) record {
	rec := record{line: 1 + r.seen, names: names, values: map[string]value{}}
	for name, v := range columns {
		if !r.wanted(name) {
			continue
		}
		if text, ok := v.(string); ok {
			rec.values[name] = value{kind: "string", raw: text}
			continue
		}
		raw, err := json.Marshal(v)
		if err != nil || !utf8Strings(v) {
			rec.values[name] = value{kind: "string", raw: "\xff"} // reported as not being UTF-8
			continue
		}
		rec.values[name] = value{kind: jsonKind(raw), raw: string(raw), json: true}
	}
	rec.raw = func() json.RawMessage {
		raw, err := json.Marshal(columns)
		if err != nil {
			return nil
		}
		return raw
	}
	return rec
}

// utf8Strings tells whether all text within v is UTF-8, which json.Marshal would mend in silence.
func utf8Strings(v any) bool {
	switch v := v.(type) {
	case string:
		return utf8.ValidString(v)
	case []any:
		for _, e := range v {
			if !utf8Strings(e) {
				return false
			}
		}
	case map[string]any:
		for k, e := range v {
			if !utf8.ValidString(k) || !utf8Strings(e) {
				return false
			}
		}
	}
	return true
}
