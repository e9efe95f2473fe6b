package jinja

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Template is a template that can be rendered.
type Template struct {
	name  string
	body  []stmt
	names map[string]bool
	spans bool
}

// Span is the bytes [Start, End) of a text.
type Span struct{ Start, End int }

// Parse reads a template. Errors begin with name and the line.
func Parse(name, source string) (t *Template, err error) {
	tokens, err := lex(name, source)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, names: map[string]bool{}}
	defer caught(name, &err)
	body, _ := p.body()
	return &Template{name, body, p.names, p.spans}, nil
}

// Generates tells whether the template has {% generation %} blocks.
func (t *Template) Generates() bool { return t.spans }

// Reads tells whether the template has the name of a variable or function anywhere, strftime_now for one.
func (t *Template) Reads(name string) bool { return t.names[name] }

// Render writes the template with variables. said are the texts of its {% generation %} blocks within the result, in
// order.
func (t *Template) Render(variables map[string]Value) (text string, said []Span, err error) {
	size := 0
	outer := new(scope)
	for name, v := range variables {
		outer.set(name, v.of)
		size += deepSize(v.of)
	}
	m := newMachine(time.Now, size)
	defer caught(t.name, &err)
	runAll(m, outer.inner(), t.body)
	text = m.root.String()
	for _, c := range m.spans {
		end := c.Start
		for n := c.End; n > 0 && end < len(text); n-- {
			_, size := utf8.DecodeRuneInString(text[end:])
			end += size
		}
		said = append(said, Span{c.Start, end})
	}
	slices.SortStableFunc(said, func(a, b Span) int { return a.Start - b.Start })
	return text, said, nil
}

// newMachine takes the size in bytes of what the template is given.
func newMachine(now func() time.Time, size int) *machine {
	m := &machine{steps: maxSteps, bytes: maxBytes + 32*size, now: now, root: new(strings.Builder)}
	m.out = m.root
	return m
}

// deepSize is about the bytes of a value from outside, which has no cycles.
func deepSize(v any) int {
	n := 16
	switch v := v.(type) {
	case string:
		n += len(v)
	case *list:
		for _, x := range v.items {
			n += deepSize(x)
		}
	case *dict:
		for i := range v.keys {
			n += deepSize(v.keys[i]) + deepSize(v.values[i])
		}
	}
	return n
}

// caught turns what ended parsing or rendering into an error. Templates come from outside: one that finds a mistake of
// this package's ends as one that fails does, and not the program.
func caught(name string, err *error) {
	switch p := recover().(type) {
	case nil:
	case failure:
		*err = fmt.Errorf("%s:%d: %s", name, p.line, p.what)
	default:
		*err = fmt.Errorf("%s: rendering broke down, which is a mistake in vulora and not in the template: %v", name, p)
	}
}
