package jinja

type forBlock struct {
	line            int
	target          target
	over, condition expr
	recursive       bool
	body, otherwise []stmt
}

func (x *forBlock) run(m *machine, s *scope) flow {
	m.line = x.line
	return x.each(m, s, x.over.eval(m, s), 0)
}

// each runs the body for every item.
func (x *forBlock) each(m *machine, s *scope, over any, depth int) flow {
	items := m.items(over)
	if x.condition != nil {
		var kept []any
		for _, v := range items {
			inner := s.inner()
			m.step(1)
			x.target.assign(m, inner, v)
			if truth(x.condition.eval(m, inner)) {
				kept = append(kept, v)
			}
		}
		items = kept
	}
	l := &loop{items: items, depth: depth}
	if x.recursive {
		l.again = func(over any) string {
			m.descend()
			defer func() { m.calls-- }()
			return m.capture(func() { x.each(m, s, over, depth+1) })
		}
	}
	for i, v := range items {
		inner := s.inner()
		inner.set("loop", l)
		l.at = i
		x.target.assign(m, inner, v)
		m.step(4) // it makes a scope
		if runAll(m, inner, x.body) == breakLoop {
			break
		}
	}
	if len(items) == 0 {
		return runAll(m, s.inner(), x.otherwise)
	}
	return onward
}

// loop is the variable of that name in a loop.
type loop struct {
	items     []any
	at, depth int
	changed   []any
	again     func(over any) string // of a recursive one
}

func (l *loop) field(name string) any {
	n := int64(len(l.items))
	at := int64(l.at)
	neighbour := func(i int, what string) any {
		if i < 0 || i >= len(l.items) {
			return undefined{"loop." + what}
		}
		return l.items[i]
	}
	switch name {
	case "index":
		return at + 1
	case "index0":
		return at
	case "revindex":
		return n - at
	case "revindex0":
		return n - at - 1
	case "first":
		return at == 0
	case "last":
		return at == n-1
	case "length":
		return n
	case "depth":
		return int64(l.depth + 1)
	case "depth0":
		return int64(l.depth)
	case "previtem":
		return neighbour(l.at-1, name)
	case "nextitem":
		return neighbour(l.at+1, name)
	case "cycle":
		return &builtin{name: "loop.cycle", list: true, call: func(m *machine, a []any) any {
			values := a[0].(*list).items
			if len(values) == 0 {
				m.fail("loop.cycle: want a value, had none")
			}
			return values[l.at%len(values)]
		}}
	case "changed":
		return &builtin{name: "loop.changed", list: true, call: func(m *machine, a []any) any {
			now := a[0].(*list).items
			before := l.changed
			l.changed = now
			return before == nil || !equal(m, &list{items: before}, &list{items: now}, 0)
		}}
	}
	return undefined{"loop." + name}
}
