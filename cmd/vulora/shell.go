package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// shell is what a command talks to: results go to out, everything for people to err.
type shell struct {
	ctx      context.Context // done when the user wants the command to stop
	in       io.Reader
	out, err io.Writer

	inTTY, outTTY, errTTY bool
	outColour, errColour  bool
}

func newShell(ctx context.Context) *shell {
	isTTY := func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
	s := &shell{ctx: ctx, in: os.Stdin, out: os.Stdout, err: os.Stderr, inTTY: isTTY(os.Stdin),
		outTTY: isTTY(os.Stdout), errTTY: isTTY(os.Stderr)}
	plain := os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" // https://no-color.org
	s.outColour, s.errColour = s.outTTY && !plain, s.errTTY && !plain
	return s
}

// harmless is text of a model or of a file as it may be shown: on a terminal, which would obey them, control characters
// but newline and tab become U+FFFD.
func harmless(text string, terminal bool) string {
	if !terminal {
		return text
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// note tells the person something.
func (s *shell) note(format string, v ...any) { fmt.Fprintf(s.err, "note: "+format+"\n", v...) }

// fact is a line of the summary at the start of a command.
func (s *shell) fact(name, format string, v ...any) {
	fmt.Fprintf(s.err, "%-9s %s\n", name, fmt.Sprintf(format, v...))
}

// json writes a result for programs, one object per line.
func (s *shell) json(v any) error {
	e := json.NewEncoder(s.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// columns is the width of the terminal that err is.
func (s *shell) columns() int {
	if f, ok := s.err.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return 100
}
