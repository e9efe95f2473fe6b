package data

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Format says which fields a row has.
type Format string

// The formats. Auto, the zero value, takes the format that most of the first rows of a file fit.
const (
	Auto       Format = ""
	Alpaca     Format = "alpaca"     // instruction, output, and input where there is one
	Completion Format = "completion" // prompt, completion
	Text       Format = "text"       // text
)

// fields are the fields of a format, required ones first. "input" is the only one that may be missing, null or empty;
// a prompt may be empty.
func (f Format) fields() []string {
	switch f {
	case Alpaca:
		return []string{"instruction", "output", "input"}
	case Completion:
		return []string{"prompt", "completion"}
	case Text:
		return []string{"text"}
	}
	return nil
}

// Row is one row of a data file, not yet tokenised.
type Row struct {
	Format Format
	File   string
	Line   int // where the row starts, from 1

	// Document marks a whole plain text file, which [Build] cuts into rows of as many tokens as fit.
	Document bool

	Prompt string // instruction or prompt; empty for text
	Input  string // alpaca's input
	Output string // output, completion or text
}

// Set is what was read.
type Set struct {
	Rows  []Row
	Files []File
}

// File tells how one file was understood.
type File struct {
	Name   string
	Format Format
	Rows   int
}

// ReadOptions say how files are read.
type ReadOptions struct {
	Format           Format // Auto detects it, for each file
	Limit            int    // the first rows only, over all files; 0 is all. What comes after is not looked at
	AllowEmptyOutput bool   // rows whose output, completion or text is empty are kept
}

// ReadFiles reads the files one after the other: .json (an array of objects, or one object per line), .jsonl, .ndjson,
// .csv (with a header), .txt (one document, line ends made \n). A byte order mark and \r\n are accepted everywhere.
//
// Bad rows of all files are reported together in a [*BadRows]; any bad row is an error, as is a file without rows.
func ReadFiles(names []string, o ReadOptions) (*Set, error) {
	if len(names) == 0 {
		return nil, fmt.Errorf("data: want at least one file")
	}
	set, bad := &Set{}, &BadRows{}
	for _, name := range names {
		if o.Limit > 0 && len(set.Rows)+bad.Total >= o.Limit {
			break
		}
		content, err := readFile(name)
		if err != nil {
			return nil, fmt.Errorf("data: %w", err)
		}
		if err := set.add(name, content, o, bad); err != nil {
			return nil, err
		}
	}
	if bad.Total > 0 {
		return nil, bad
	}
	return set, nil
}

// Parse reads rows from memory; the ending of name says what content is. Errors are those of [ReadFiles].
func Parse(name string, content []byte, o ReadOptions) (*Set, error) {
	set, bad := &Set{}, &BadRows{}
	if err := set.add(name, content, o, bad); err != nil {
		return nil, err
	}
	if bad.Total > 0 {
		return nil, bad
	}
	return set, nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

func (s *Set) add(name string, content []byte, o ReadOptions, bad *BadRows) error {
	if o.Format != Auto && o.Format.fields() == nil {
		return fmt.Errorf("data: format: want auto, alpaca, completion or text, have %q", string(o.Format))
	}
	if bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff")) {
		return fmt.Errorf("data: %s: want UTF-8, have UTF-16", name)
	}
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(content)) == 0 {
		return fmt.Errorf("data: %s: want at least one row, have an empty file", name)
	}
	limit := -1
	if o.Limit > 0 {
		limit = max(0, o.Limit-len(s.Rows)-bad.Total)
	}
	r := &reader{name: name, options: o, limit: limit, bad: bad}
	switch ext := strings.ToLower(filepath.Ext(name)); ext {
	case ".json", ".jsonl", ".ndjson":
		r.json(content)
	case ".csv":
		r.csv(content)
	case ".txt":
		r.text(content)
	default:
		return fmt.Errorf("data: %s: want a file ending in .json, .jsonl, .ndjson, .csv or .txt, have %q", name, ext)
	}
	format, rows := r.finish()
	if r.seen == 0 {
		return fmt.Errorf("data: %s: want at least one row, have none", name)
	}
	s.Rows = append(s.Rows, rows...)
	s.Files = append(s.Files, File{Name: name, Format: format, Rows: len(rows)})
	return nil
}

// text takes a plain text file as one document. Python opens text files with universal line ends, hence the \n.
func (r *reader) text(content []byte) {
	r.format = Text
	r.seen = 1
	if r.options.Format != Auto && r.options.Format != Text {
		r.fail(1, "", "want %s rows, have a plain text file", r.options.Format)
		return
	}
	if line, ok := validUTF8(content); !ok {
		r.fail(line, "", "want UTF-8, have other bytes")
		return
	}
	s := strings.ReplaceAll(string(content), "\r\n", "\n")
	r.rows = append(r.rows, Row{Format: Text, File: r.name, Line: 1, Document: true, Output: s})
}

// validUTF8 gives the line of the first bad byte.
func validUTF8(b []byte) (line int, ok bool) {
	if utf8.Valid(b) {
		return 0, true
	}
	for i := 0; i < len(b); {
		c, size := utf8.DecodeRune(b[i:])
		if c == utf8.RuneError && size == 1 {
			return 1 + bytes.Count(b[:i], []byte("\n")), false
		}
		i += size
	}
	return 0, true
}
