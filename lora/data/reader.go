package data

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// detectRows is how many rows of a file decide about its format.
const detectRows = 20

// reader turns the records of one file into rows.
type reader struct {
	name    string
	options ReadOptions
	limit   int // rows that may still be read; -1 is all
	bad     *BadRows

	format  Format
	pending []record // seen before the format was known
	rows    []Row
	seen    int
	stopped bool
}

// record is an object of a JSON file or a line of a CSV file: the fields that some format has, as they were written.
type record struct {
	line   int
	names  []string // the first few names of all fields, for messages
	values map[string]value
}

type value struct {
	kind string // string, number, boolean, null, object, array
	raw  string // JSON text where json is true, else the text itself
	json bool
}

func wanted(name string) bool {
	for _, f := range []Format{Alpaca, Completion, Text} {
		if slices.Contains(f.fields(), name) {
			return true
		}
	}
	return false
}

func (r record) fits(f Format) bool {
	for _, name := range f.fields() {
		if _, ok := r.values[name]; !ok && name != "input" {
			return false
		}
	}
	return true
}

// fail reports a bad row.
func (r *reader) fail(line int, field, format string, v ...any) {
	r.bad.Total++
	r.tell(line, field, format, v...)
}

func (r *reader) tell(line int, field, format string, v ...any) {
	r.bad.add(Problem{File: r.name, Line: line, Field: field, What: fmt.Sprintf(format, v...)})
}

func (r *reader) done() bool {
	return r.stopped || r.limit >= 0 && r.seen >= r.limit
}

// add takes one more record.
func (r *reader) add(rec record) {
	r.seen++
	if r.format != Auto {
		r.row(rec)
		return
	}
	r.pending = append(r.pending, rec)
	if len(r.pending) >= detectRows {
		r.detect()
	}
}

// detect settles the format: the one asked for, or the one most of the pending records fit; alpaca goes before the
// others, because published alpaca rows have a "text" as well.
func (r *reader) detect() {
	if len(r.pending) == 0 {
		return
	}
	r.format = r.options.Format
	best := 0
	for _, f := range []Format{Alpaca, Completion, Text} {
		n := 0
		for _, rec := range r.pending {
			if rec.fits(f) {
				n++
			}
		}
		if r.options.Format == Auto && n > best {
			r.format, best = f, n
		}
	}
	if r.format == Auto {
		r.stopped = true
		r.fail(r.pending[0].line, "", "want the fields instruction and output (format alpaca), prompt and completion "+
			"(completion) or text (text), have %s", quoted(r.pending[0].names))
		r.pending = nil
		return
	}
	for _, rec := range r.pending {
		r.row(rec)
	}
	r.pending = nil
}

func (r *reader) finish() (Format, []Row) {
	if r.format == Auto {
		r.detect()
	}
	return r.format, r.rows
}

func quoted(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	var s strings.Builder
	for i, name := range names {
		if i == 8 {
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
	fields := r.format.fields()
	texts := make(map[string]string, len(fields))
	good := true
	for _, name := range fields {
		text, problem := rec.text(name)
		if name == "input" && problem != "" && (rec.values[name].kind == "null" || rec.values[name].kind == "") {
			problem = ""
		}
		if problem == "" && name == r.format.output() && strings.TrimSpace(text) == "" && !r.options.AllowEmptyOutput {
			problem = "want some text, have none"
		}
		if problem != "" {
			good = false
			r.tell(rec.line, name, "%s", problem)
		}
		texts[name] = text
	}
	if !good {
		r.bad.Total++
		return
	}
	row := Row{Format: r.format, File: r.name, Line: rec.line, Output: texts[r.format.output()], Input: texts["input"]}
	if r.format != Text {
		row.Prompt = texts[fields[0]]
	}
	r.rows = append(r.rows, row)
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
func (r record) text(name string) (text, problem string) {
	v, ok := r.values[name]
	switch {
	case !ok:
		return "", "want a string, have no such field"
	case v.kind != "string":
		return "", "want a string, have " + article(v.kind)
	case !utf8.ValidString(v.raw):
		return "", "want UTF-8, have other bytes"
	case !v.json:
		return v.raw, ""
	case halfSurrogate(v.raw):
		return "", `want Unicode text, have half of a \u surrogate pair`
	}
	if err := json.Unmarshal([]byte(v.raw), &text); err != nil {
		return "", "want a string: " + err.Error()
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
