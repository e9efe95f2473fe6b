package jinja

import "unicode/utf8"

// flow is how a statement ended.
type flow byte

const (
	onward flow = iota
	breakLoop
	continueLoop
)

// stmt is a statement: text, {{ … }} or {% … %}.
type stmt interface {
	run(m *machine, s *scope) flow
}

// runAll runs statements until one jumps.
func runAll(m *machine, s *scope, list []stmt) flow {
	for _, x := range list {
		m.step(1)
		if f := x.run(m, s); f != onward {
			return f
		}
	}
	return onward
}

type text struct{ text string }

func (x *text) run(m *machine, _ *scope) flow {
	m.write(x.text)
	return onward
}

type output struct {
	line  int
	value expr
}

func (x *output) run(m *machine, s *scope) flow {
	m.line = x.line
	v := x.value.eval(m, s)
	m.line = x.line
	m.write(m.string(v))
	return onward
}

type jump struct{ flow flow }

func (x *jump) run(*machine, *scope) flow { return x.flow }

type ifBlock struct {
	conditions []expr
	bodies     [][]stmt
	otherwise  []stmt
}

// run has no scope of its own, as in Jinja: what a branch sets stays.
func (x *ifBlock) run(m *machine, s *scope) flow {
	for i, c := range x.conditions {
		if truth(c.eval(m, s)) {
			return runAll(m, s, x.bodies[i])
		}
	}
	return runAll(m, s, x.otherwise)
}

// target is what is assigned to: a name, a field of a namespace, or several of them.
type target struct {
	name, field string
	parts       []target
	several     bool
}

func (t *target) assign(m *machine, s *scope, v any) {
	switch {
	case t.several:
		items := m.items(v)
		if len(items) != len(t.parts) {
			m.fail("want %d values to assign, had %d", len(t.parts), len(items))
		}
		for i := range t.parts {
			t.parts[i].assign(m, s, items[i])
		}
	case t.field != "":
		of, _ := s.get(t.name)
		n, ok := of.(*namespace)
		if !ok {
			m.fail("want a namespace to set %s.%s, had %s", t.name, t.field, kindOf(of))
		}
		n.set(m, t.field, v)
	default:
		s.set(t.name, v)
	}
}

type setBlock struct {
	line    int
	target  target
	value   expr
	body    []stmt // where there is no value
	filters expr   // of the body
}

func (x *setBlock) run(m *machine, s *scope) flow {
	m.line = x.line
	if x.value != nil {
		v := x.value.eval(m, s)
		m.line = x.line
		x.target.assign(m, s, v)
		return onward
	}
	v := filtered(m, s, x.filters, x.body)
	x.target.assign(m, s, v)
	return onward
}

// captured stands in an expression for the text of a block that filters are put on.
type captured struct{ value any }

func (x *captured) eval(_ *machine, s *scope) any {
	v, _ := s.get(capturedName)
	return v
}

const capturedName = "{% %}" // no template can write it

// filtered is the text of a body with filters on it.
func filtered(m *machine, s *scope, filters expr, body []stmt) any {
	text := m.capture(func() { runAll(m, s.inner(), body) })
	inner := s.inner()
	inner.set(capturedName, text)
	return filters.eval(m, inner)
}

type filterBlock struct {
	line    int
	filters expr
	body    []stmt
}

func (x *filterBlock) run(m *machine, s *scope) flow {
	m.line = x.line
	m.write(m.string(filtered(m, s, x.filters, x.body)))
	return onward
}

type withBlock struct {
	targets []target
	values  []expr
	body    []stmt
}

func (x *withBlock) run(m *machine, s *scope) flow {
	inner := s.inner()
	for i := range x.targets {
		x.targets[i].assign(m, inner, x.values[i].eval(m, s))
	}
	return runAll(m, inner, x.body)
}

// generation marks what an assistant says. Where it is within other captured text, as in a macro, it counts from where
// the rendering is then, which is what transformers does.
type generation struct {
	line int
	body []stmt
}

func (x *generation) run(m *machine, s *scope) flow {
	m.line = x.line
	text := m.capture(func() { runAll(m, s.inner(), x.body) })
	m.spans = append(m.spans, Span{m.root.Len(), utf8.RuneCountInString(text)})
	m.write(text)
	return onward
}
