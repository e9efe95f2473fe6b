package data

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// partBytes is how much of a text file is tokenised at once, or somewhat more.
const partBytes = 1 << 20

// text takes a plain text file as one document. Python opens text files with universal line ends, hence the \n.
func (r *reader) text(src *source) error {
	r.format = Text
	if r.o.Format != Auto && r.o.Format != Text {
		return r.fail(1, nil, "want %s rows, have a plain text file", r.o.Format)
	}
	if len(r.o.Columns) > 0 {
		return fmt.Errorf("map: want a file with columns, have plain text")
	}
	return r.document(src, partBytes)
}

// document hands the text on in parts of about size bytes. It is cut behind a line break and before a letter, where
// tokens end however a byte-level BPE splits its words: no word of it goes on from a line break to a letter, and
// nothing is composed across one.
func (r *reader) document(src io.Reader, size int) error {
	src = lineEnds{bufio.NewReader(src)}
	var part []byte
	line, blank, want := 1, true, size
	for end := false; !end && !r.stopped; {
		var err error
		part, err = readOn(src, part, want)
		if end = errors.Is(err, io.EOF); err != nil && !end {
			return unexpected(err)
		}
		cut := len(part)
		if !end {
			cut = cutText(part)
		}
		if cut == 0 && !end {
			if len(part) > maxRowBytes {
				r.end(line, "want a line that begins with a letter within %d MiB, have none", maxRowBytes>>20)
				return nil
			}
			want = min(2*want, maxRowBytes+1)
			continue
		}
		text := part[:cut]
		if bad, what := badText(text); what != "" {
			r.end(line+bad, "%s", what)
			return nil
		}
		if blank = blank && len(bytes.TrimSpace(text)) == 0; end && blank {
			r.empty = true
			return nil
		}
		r.seen, r.good = 1, 0
		r.give(Row{Format: Text, File: r.name, Line: line, Document: true, Continues: !end, Output: string(text),
			place: r.place}, nil)
		if r.good == 0 {
			return nil
		}
		line += bytes.Count(text, []byte("\n"))
		want = size
		part = append(part[:0], part[cut:]...)
	}
	return nil
}

// lineEnds reads \r\n as \n.
type lineEnds struct{ *bufio.Reader }

func (l lineEnds) Read(p []byte) (n int, err error) {
	for n < len(p) {
		c, err := l.ReadByte()
		if err != nil {
			return n, err
		}
		if c == '\r' {
			if next, err := l.Peek(1); err == nil && next[0] == '\n' {
				continue
			}
		}
		p[n] = c
		n++
	}
	return n, nil
}

// readOn appends to part until it has size bytes.
func readOn(src io.Reader, part []byte, size int) ([]byte, error) {
	have := len(part)
	part = append(part, make([]byte, max(1, size-have))...)
	n, err := io.ReadFull(src, part[have:])
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return part[:have+n], err
}

// cutText returns the last place between a line break and a letter, and 0 where there is none.
func cutText(b []byte) int {
	for end := len(b); ; {
		i := bytes.LastIndexByte(b[:end], '\n')
		if i < 0 {
			return 0
		}
		if utf8.FullRune(b[i+1:]) {
			if c, _ := utf8.DecodeRune(b[i+1:]); unicode.IsLetter(c) {
				return i + 1
			}
		}
		end = i
	}
}

// badText says what is wrong with a text, and on which of its lines, from 0.
func badText(b []byte) (line int, problem string) {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return bytes.Count(b[:i], []byte("\n")), "want text, have the character NUL"
	}
	if utf8.Valid(b) {
		return 0, ""
	}
	rest := strings.ToValidUTF8(string(b), "\x00")
	i := strings.IndexByte(rest, 0)
	return strings.Count(rest[:i], "\n"), "want UTF-8, have other bytes"
}
