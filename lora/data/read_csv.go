package data

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// csv reads comma-separated values as in RFC 4180, with a header line.
func (r *reader) csv(src *source) error {
	lines := &lineReader{r: src, line: 1}
	lines.allow(0)
	c := csv.NewReader(lines)
	c.ReuseRecord = true
	first, err := c.Read()
	if errors.Is(err, io.EOF) {
		r.empty = true
		return nil
	}
	if err != nil {
		r.end(csvLine(err), "want a header line, have %s", csvError(err))
		return nil
	}
	var header, twice []string
	for _, name := range first {
		name = strings.TrimSpace(name)
		if slices.Contains(header, name) && r.wanted(name) {
			twice = append(twice, name)
		}
		header = append(header, name)
	}
	if len(twice) > 0 {
		r.end(1, "want each column once, have %s twice", quoted(twice))
		return nil
	}
	for !r.done() {
		lines.allow(c.InputOffset())
		lines.breaks = lines.breaks[:0] // c counts them itself
		cells, err := c.Read()
		var parse *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &parse) && !errors.Is(err, csv.ErrQuote):
			err = r.fail(csvLine(err), []byte(strings.Join(cells, ",")), "want %d columns, have %s", len(header), csvError(err))
		case errors.Is(err, errTooLong) || parse != nil:
			// Behind a quote that is not shut nobody knows where the next row starts.
			r.end(csvLine(err), "want %d columns, have %s", len(header), csvError(err))
			return nil
		case err != nil:
			return unexpected(err)
		default:
			err = r.add(r.csvRecord(c, header, cells))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) csvRecord(c *csv.Reader, header, cells []string) record {
	line, _ := c.FieldPos(0)
	rec := record{line: line, names: header[:min(len(header), maxColumns)], values: map[string]value{}}
	for i, name := range header {
		if r.wanted(name) {
			rec.values[name] = value{kind: "string", raw: cells[i]}
		}
	}
	kept := slices.Clone(cells)
	rec.raw = func() json.RawMessage { return csvObject(header, kept) }
	return rec
}

// csvObject is a line as a JSON object in the order of the columns.
func csvObject(header, cells []string) json.RawMessage {
	b := []byte("{")
	for i, name := range header {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, asString(name)...), ':'), asString(cells[i])...)
	}
	return append(b, '}')
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
