package data

import (
	"fmt"
	"strings"
)

// maxProblems is how many bad rows are told one by one.
const maxProblems = 20

// Problem is one thing wrong with one row.
type Problem struct {
	File  string
	Line  int
	Field string // empty where the row as a whole is meant
	What  string // wanted, had
}

// String is file:line: field "name": what.
func (p Problem) String() string {
	if p.Field == "" {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.What)
	}
	return fmt.Sprintf("%s:%d: field %q: %s", p.File, p.Line, p.Field, p.What)
}

// BadRows is the error that tells what is wrong with the rows: the first 20 problems and how many rows are bad.
type BadRows struct {
	Problems []Problem
	More     int // problems not listed
	Total    int // bad rows
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
