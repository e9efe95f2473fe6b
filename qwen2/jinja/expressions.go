package jinja

// expr is an expression.
type expr interface {
	eval(m *machine, s *scope) any
}

type constant struct{ value any }

func (x constant) eval(*machine, *scope) any { return x.value }

type variable struct {
	line int
	name string
}

func (x *variable) eval(m *machine, s *scope) any {
	m.line = x.line
	m.step(1)
	if v, ok := s.get(x.name); ok {
		return v
	}
	if f, ok := globals[x.name]; ok {
		return f
	}
	return undefined{x.name}
}

// sequence is a list or a tuple.
type sequence struct {
	line  int
	items []expr
	tuple bool
}

func (x *sequence) eval(m *machine, s *scope) any {
	m.step(1)
	items := make([]any, len(x.items))
	for i, e := range x.items {
		items[i] = e.eval(m, s)
	}
	l := m.list(items)
	l.tuple = x.tuple
	return l
}

type mapping struct {
	line         int
	keys, values []expr
}

func (x *mapping) eval(m *machine, s *scope) any {
	m.step(1)
	m.made(64 * len(x.keys))
	d := newDict()
	for i := range x.keys {
		k := m.key(x.keys[i].eval(m, s))
		d.set(k, x.values[i].eval(m, s))
	}
	return d
}

type conditional struct{ yes, condition, no expr }

func (x *conditional) eval(m *machine, s *scope) any {
	m.step(1)
	switch {
	case truth(x.condition.eval(m, s)):
		return x.yes.eval(m, s)
	case x.no == nil:
		return undefined{"the value of an if without else"}
	}
	return x.no.eval(m, s)
}

type not struct{ of expr }

func (x *not) eval(m *machine, s *scope) any { return !truth(x.of.eval(m, s)) }

type sign struct {
	line int
	op   string
	of   expr
}

func (x *sign) eval(m *machine, s *scope) any {
	v := x.of.eval(m, s)
	m.line = x.line
	m.step(1)
	if x.op == "+" {
		return arithmetic(m, "+", int64(0), v)
	}
	if f, ok := v.(float64); ok {
		return -f
	}
	return arithmetic(m, "-", int64(0), v)
}

type binary struct {
	line        int
	op          string
	left, right expr
}

func (x *binary) eval(m *machine, s *scope) any {
	m.step(1)
	left := x.left.eval(m, s)
	switch {
	case x.op == "and" && !truth(left), x.op == "or" && truth(left):
		return left
	case x.op == "and", x.op == "or":
		return x.right.eval(m, s)
	}
	right := x.right.eval(m, s)
	m.line = x.line
	if x.op == "~" {
		return m.text(m.string(left) + m.string(right))
	}
	return arithmetic(m, x.op, left, right)
}

type comparison struct {
	line  int
	first expr
	ops   []string
	rest  []expr
}

func (x *comparison) eval(m *machine, s *scope) any {
	m.step(1)
	left := x.first.eval(m, s)
	for i, op := range x.ops {
		right := x.rest[i].eval(m, s)
		m.line = x.line
		if !compare(m, op, left, right) {
			return false
		}
		left = right
	}
	return true
}

type field struct {
	line int
	of   expr
	name string
}

func (x *field) eval(m *machine, s *scope) any {
	v := x.of.eval(m, s)
	m.line = x.line
	m.step(1)
	return getField(m, v, x.name)
}

type item struct {
	line int
	of   expr
	key  expr
}

func (x *item) eval(m *machine, s *scope) any {
	v, key := x.of.eval(m, s), x.key.eval(m, s)
	m.line = x.line
	m.step(1)
	return getItem(m, v, key)
}

type slice struct {
	line  int
	of    expr
	parts [3]expr
}

func (x *slice) eval(m *machine, s *scope) any {
	v := x.of.eval(m, s)
	var bounds [3]any
	for i, e := range x.parts {
		if e != nil {
			bounds[i] = e.eval(m, s)
		}
	}
	m.line = x.line
	m.step(1)
	return getSlice(m, v, bounds)
}

// arguments are those of a call as they are written.
type arguments struct {
	positional []expr
	names      []string
	named      []expr
	list, dict expr // behind * and **
}

func (a *arguments) evalAll(m *machine, s *scope) (positional []any, names []string, named []any) {
	for _, e := range a.positional {
		positional = append(positional, e.eval(m, s))
	}
	if a.list != nil {
		items := m.items(a.list.eval(m, s))
		m.made(16 * len(items))
		positional = append(positional, items...)
	}
	for i, e := range a.named {
		names, named = append(names, a.names[i]), append(named, e.eval(m, s))
	}
	if a.dict != nil {
		d, ok := a.dict.eval(m, s).(*dict)
		if !ok {
			m.fail("want a dict behind **")
		}
		m.made(64 * len(d.keys))
		for i, k := range d.keys {
			name, ok := k.(string)
			if !ok {
				m.fail("want names as the keys of a dict behind **, had %s", kindOf(k))
			}
			names, named = append(names, name), append(named, d.values[i])
		}
	}
	return positional, names, named
}

type call struct {
	line int
	of   expr
	arguments
}

func (x *call) eval(m *machine, s *scope) any {
	f := x.of.eval(m, s)
	positional, names, named := x.evalAll(m, s)
	m.line = x.line
	m.step(1)
	switch f := f.(type) {
	case *builtin:
		return f.run(m, positional, names, named)
	case *macro:
		return f.call(m, positional, names, named)
	case *loop:
		if f.again == nil || len(positional) != 1 {
			m.fail("want a recursive loop to be called with what to go over")
		}
		return f.again(positional[0])
	case undefined:
		m.fail("want something to call, had %s, which is undefined", f.name)
	}
	m.fail("want something to call, had %s", kindOf(f))
	return nil
}

// applied is a filter or a test of a value.
type applied struct {
	line int
	of   expr
	by   *builtin
	arguments
}

func (x *applied) eval(m *machine, s *scope) any {
	v := x.of.eval(m, s)
	positional, names, named := x.evalAll(m, s)
	m.line = x.line
	m.step(1 + sizeOf(v)/256)
	return x.by.run(m, append([]any{v}, positional...), names, named)
}
