package data

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// csv reads comma-separated values as in RFC 4180, with a header line. Of columns with the same name the last counts.
func (r *reader) csv(content []byte) {
	c := csv.NewReader(bytes.NewReader(content))
	c.ReuseRecord = true
	first, err := c.Read()
	if err != nil {
		r.fail(csvLine(err), "", "want a header line, have %s", csvError(err))
		r.seen = 1
		return
	}
	var header []string
	for _, name := range first {
		header = append(header, strings.TrimSpace(name))
	}
	for !r.done() {
		cells, err := c.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			r.seen++
			r.fail(csvLine(err), "", "want %d columns, have %s", len(header), csvError(err))
			continue
		}
		line, _ := c.FieldPos(0)
		rec := record{line: line, names: header[:min(len(header), 9)], values: map[string]value{}}
		for i, name := range header {
			if wanted(name) {
				rec.values[name] = value{kind: "string", raw: cells[i]}
			}
		}
		r.add(rec)
	}
}

func csvLine(err error) int {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return parse.StartLine
	}
	return 1
}

func csvError(err error) string {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return "bad CSV: " + parse.Err.Error()
	}
	return "bad CSV: " + err.Error()
}
