package jinja

import (
	"fmt"
	"strings"
	"time"
)

// What one rendering may take. The largest published templates take some thousand steps per message; a step is
// a node of the template, or some hundred bytes or a few items that a filter looks at.
const (
	maxSteps = 5_000_000
	maxBytes = 64 << 20 // made, in strings and lists, beside 32 times what the template is given
	maxCalls = 100      // of macros within each other
	maxRange = 100_000  // items, as in Jinja's sandbox

	maxMessage = 5000 // bytes of an error
)

// machine is one rendering.
type machine struct {
	line  int // of what is evaluated
	steps int // left
	bytes int // left
	calls int // macros within each other
	now   func() time.Time
	out   *strings.Builder // what is written to now
	root  *strings.Builder // the rendering itself
	spans []Span           // where they start, and how many characters they have
}

// fail ends the rendering. Names in the message may be of any length.
func (m *machine) fail(format string, v ...any) {
	what := fmt.Sprintf(format, v...)
	if len(what) > maxMessage {
		what = strings.ToValidUTF8(what[:maxMessage], "") + " …"
	}
	panic(failure{m.line, what})
}

// step counts n steps.
func (m *machine) step(n int) {
	if m.steps -= n; m.steps < 0 {
		m.fail("want at most %d steps, had more: does it end?", maxSteps)
	}
}

// made counts n bytes of new memory.
func (m *machine) made(n int) {
	if m.bytes -= n; m.bytes < 0 || n < 0 {
		m.fail("want no more memory than %d MiB, had more", maxBytes>>20)
	}
	m.step(n / 256)
}

// text counts a new string.
func (m *machine) text(s string) string {
	m.made(len(s))
	return s
}

// list counts a new list.
func (m *machine) list(items []any) *list {
	m.made(16 * len(items))
	return &list{items: items}
}

func (m *machine) write(s string) {
	m.made(len(s))
	m.out.WriteString(s)
}

// capture runs do and returns what it wrote.
func (m *machine) capture(do func()) string {
	before := m.out
	m.out = new(strings.Builder)
	defer func() { m.out = before }()
	do()
	return m.out.String()
}

// scope is the names that are set in a block; those of blocks around it are seen too.
type scope struct {
	names  map[string]any
	parent *scope
}

func (s *scope) inner() *scope { return &scope{parent: s} }

func (s *scope) set(name string, v any) {
	if s.names == nil {
		s.names = map[string]any{}
	}
	s.names[name] = v
}

func (s *scope) get(name string) (v any, ok bool) {
	for ; s != nil; s = s.parent {
		if v, ok = s.names[name]; ok {
			return v, true
		}
	}
	return nil, false
}
