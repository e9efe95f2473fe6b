package data

import (
	"encoding/json"
	"fmt"
	"strings"
)

// maxProblems is how many bad rows are told one by one.
const maxProblems = 20

// Problem is one thing wrong with one row.
type Problem struct {
	File  string `json:"file"`
	Line  int    `json:"line"`            // of parquet files the row, from 1
	Field string `json:"field,omitempty"` // empty where the row as a whole is meant
	What  string `json:"what"`            // wanted, had
}

// String is file:line: field "name": what.
func (p Problem) String() string {
	if p.Field == "" {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.What)
	}
	return fmt.Sprintf("%s:%d: field %q: %s", p.File, p.Line, p.Field, p.What)
}

// Error is String.
func (p Problem) Error() string { return p.String() }

// Skipped is a bad row that was left out. Row is the row as the file has it, as JSON: an object, or a string of what is
// no JSON; nothing where it is too long to keep.
type Skipped struct {
	File     string          `json:"file"`
	Line     int             `json:"line"`
	Problems []Problem       `json:"problems"`
	Row      json.RawMessage `json:"row,omitempty"`
}

// BadRows is the error that tells what is wrong with the rows: the first 20 problems and how many rows are bad.
type BadRows struct {
	Problems []Problem
	More     int  // problems not listed
	Total    int  // bad rows
	Ended    bool // a file could not be read to its end, which skipping rows does not mend
}

// Error has a line for each problem.
func (b *BadRows) Error() string {
	var s strings.Builder
	fmt.Fprintf(&s, "data: %d bad rows", b.Total)
	if b.Total == 1 {
		s.Reset()
		s.WriteString("data: 1 bad row")
	}
	for _, p := range b.Problems {
		s.WriteString("\n  " + p.String())
	}
	if b.More > 0 {
		fmt.Fprintf(&s, "\n  and %d more", b.More)
	}
	return s.String()
}

func (b *BadRows) add(p Problem) {
	if len(b.Problems) == maxProblems {
		b.More++
		return
	}
	b.Problems = append(b.Problems, p)
}
