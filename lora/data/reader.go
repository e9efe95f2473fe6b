package data

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// detectRows is how many rows of a file decide about its format.
const detectRows = 20

// maxColumns is how many columns of a row are looked at to tell their names.
const maxColumns = 256

// reader turns the records of one file into rows.
type reader struct {
	*scan
	place int
	name  string
	limit int // rows that may still be read; -1 is all

	format  Format
	pending []record // seen before the format was known
	columns []string // of the first records
	seen    int
	good    int
	empty   bool  // nothing but white space
	stopped bool  // no more rows are wanted
	failed  error // of take
}

// record is an object of a JSON file, a line of a CSV file or a row of a parquet file: the columns that some format
// has, as they were written.
type record struct {
	line   int
	names  []string // of all columns
	values map[string]value
	twice  []string               // columns that come twice
	raw    func() json.RawMessage // the whole record
	broken string                 // why there are no columns
}

type value struct {
	kind string // string, number, boolean, null, object, array
	raw  string // JSON text where json is true, else the text itself
	json bool
}

// wanted tells whether some field is in a column.
func (r *reader) wanted(column string) bool {
	for _, field := range fieldNames {
		if r.o.Columns.of(field) == column {
			return true
		}
	}
	return false
}

func (r *reader) fits(rec record, f Format) bool {
	required, _ := f.fields()
	for _, name := range required {
		if _, ok := rec.values[r.o.Columns.of(name)]; !ok {
			return false
		}
	}
	return true
}

// reject reports a bad row for what is wrong with it.
func (r *reader) reject(line int, raw func() json.RawMessage, problems ...Problem) {
	r.bad.Total++
	for i := range problems {
		problems[i].File, problems[i].Line = r.name, line
		r.bad.add(problems[i])
	}
	if r.o.Skip == nil || r.failed != nil {
		return
	}
	s := Skipped{File: r.name, Line: line, Problems: problems}
	if raw != nil {
		s.Row = raw()
	}
	if err := r.o.Skip(s); err != nil {
		r.failed, r.stopped = err, true
	}
}

// fail takes a record without columns, because of what v says.
func (r *reader) fail(line int, raw []byte, format string, v ...any) error {
	text := string(raw)
	return r.add(record{line: line, broken: fmt.Sprintf(format, v...),
		raw: func() json.RawMessage { return asString(text) }})
}

// end reports what ends a file early.
func (r *reader) end(line int, format string, v ...any) {
	r.bad.Ended, r.stopped = true, true
	r.seen++
	r.bad.Total++
	r.bad.add(Problem{File: r.name, Line: line, What: fmt.Sprintf(format, v...)})
}

// asString is text as a string of JSON; nothing of what is not worth keeping.
func asString(text string) json.RawMessage {
	raw, err := json.Marshal(text)
	if err != nil || len(raw) > 1<<20 {
		return nil
	}
	return raw
}

func (r *reader) done() bool {
	return r.stopped || r.limit >= 0 && r.seen >= r.limit
}

// add takes one more record.
func (r *reader) add(rec record) error {
	r.seen++
	if r.format != Auto {
		r.row(rec)
		return nil
	}
	r.pending = append(r.pending, rec)
	if len(r.pending) >= detectRows {
		return r.detect()
	}
	return nil
}

// detect settles the format: the one asked for, or the one most of the pending records fit.
func (r *reader) detect() error {
	if len(r.pending) == 0 {
		return nil
	}
	readable := slices.IndexFunc(r.pending, func(rec record) bool { return rec.broken == "" })
	for _, rec := range r.pending {
		for _, name := range rec.names {
			if !slices.Contains(r.columns, name) {
				r.columns = append(r.columns, name)
			}
		}
	}
	for _, field := range fieldNames {
		column, ok := r.o.Columns[field]
		if ok && readable >= 0 && !slices.Contains(r.columns, column) {
			return fmt.Errorf("map: field %s: want one of the columns %s, have %q", field, quoted(r.columns), column)
		}
	}
	r.format = r.o.Format
	best := 0
	for _, f := range formats {
		n := 0
		for _, rec := range r.pending {
			if r.fits(rec, f) {
				n++
			}
		}
		if r.o.Format == Auto && n > best {
			r.format, best = f, n
		}
	}
	if r.format == Auto && readable >= 0 {
		rec := r.pending[readable]
		r.end(rec.line, "want the fields instruction and output (format alpaca), messages (messages), "+
			"conversations (sharegpt), prompt and completion (completion) or text (text), have %s: columns of other "+
			"names are given with --map field=column", quoted(rec.names))
		r.pending = nil
		return nil
	}
	pending := r.pending
	r.pending = nil
	for _, rec := range pending {
		r.row(rec)
	}
	return nil
}

// describe says how the file was understood.
func (r *reader) describe() File {
	f := File{Name: r.name, Format: r.format, Rows: r.good}
	required, optional := r.format.fields()
	var used []string
	for _, field := range append(required, optional...) {
		column := r.o.Columns.of(field)
		if !slices.Contains(r.columns, column) {
			continue
		}
		used = append(used, column)
		if column != field {
			column = field + "=" + column
		}
		f.Used = append(f.Used, column)
	}
	for _, column := range r.columns {
		if !slices.Contains(used, column) {
			f.Unused = append(f.Unused, column)
		}
	}
	return f
}

func quoted(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	var s strings.Builder
	for i, name := range names {
		if i == 16 {
			s.WriteString(", …")
			break
		}
		if i > 0 {
			s.WriteString(", ")
		}
		if len(name) > 40 {
			name = strings.ToValidUTF8(name[:40], "") + "…"
		}
		fmt.Fprintf(&s, "%q", name)
	}
	return s.String()
}

// row checks every field of a record before it gives up on it.
func (r *reader) row(rec record) {
	if rec.broken != "" {
		r.reject(rec.line, rec.raw, Problem{What: rec.broken})
		return
	}
	row := Row{Format: r.format, File: r.name, Line: rec.line, place: r.place}
	problems := r.fill(&row, rec)
	if len(problems) == 0 {
		r.give(row, rec.raw)
		return
	}
	r.reject(rec.line, rec.raw, problems...)
}

// give hands a good row on, which may still turn out bad.
func (r *reader) give(row Row, raw func() json.RawMessage) {
	if r.failed != nil {
		return
	}
	var p Problem
	switch err := r.take(row); {
	case err == nil:
		r.good++
	case errors.Is(err, errEnough):
		r.good++
		r.stopped, r.enough = true, true
	case errors.As(err, &p):
		r.reject(row.Line, raw, p)
	default:
		r.failed, r.stopped = err, true
	}
}

// fill sets the fields of row and returns what is wrong with them.
func (r *reader) fill(row *Row, rec record) []Problem {
	var problems []Problem
	for _, column := range rec.twice {
		problems = append(problems, Problem{Field: column, What: "want it once, have it twice"})
	}
	required, optional := r.format.fields()
	for _, field := range append(required, optional...) {
		column := r.o.Columns.of(field)
		v := rec.values[column]
		if slices.Contains(optional, field) && (v.kind == "" || v.kind == "null") {
			continue
		}
		switch field {
		case "messages", "conversations":
			problems = append(problems, row.setTurns(column, v)...)
			continue
		case "tools":
			if what := row.setTools(v); what != "" {
				problems = append(problems, Problem{Field: column, What: what})
			}
			continue
		}
		text, what := v.text()
		if what == "" && field == r.format.output() && strings.TrimSpace(text) == "" && !r.o.AllowEmptyOutput {
			what = "want some text, have none"
		}
		if what != "" {
			problems = append(problems, Problem{Field: column, What: what})
			continue
		}
		row.set(field, text)
	}
	return problems
}

func (row *Row) set(field, text string) {
	switch field {
	case "instruction", "prompt":
		row.Prompt = text
	case "input":
		row.Input = text
	case "system":
		if text != "" && (len(row.Turns) == 0 || row.Turns[0].Role != "system") {
			row.Turns = append([]Message{{Role: "system", Content: text}}, row.Turns...)
		}
	default:
		row.Output = text
	}
}

// output is the field that holds what the model shall say.
func (f Format) output() string {
	switch f {
	case Alpaca:
		return "output"
	case Completion:
		return "completion"
	}
	return "text"
}

// text is the field's text, or what is wrong with it.
func (v value) text() (text, problem string) {
	switch {
	case v.kind == "":
		return "", "want a string, have no such field"
	case v.kind != "string":
		return "", "want a string, have " + article(v.kind)
	case !utf8.ValidString(v.raw):
		return "", "want UTF-8, have other bytes"
	case !v.json:
		text = v.raw
	case halfSurrogate(v.raw):
		return "", `want Unicode text, have half of a \u surrogate pair`
	default:
		if err := json.Unmarshal([]byte(v.raw), &text); err != nil {
			return "", "want a string: " + err.Error()
		}
	}
	if strings.IndexByte(text, 0) >= 0 {
		return "", "want text, have the character NUL"
	}
	return text, ""
}

func article(kind string) string {
	switch kind {
	case "null":
		return "null"
	case "array", "object":
		return "an " + kind
	}
	return "a " + kind
}
