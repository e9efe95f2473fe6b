package jinja

import "slices"

// function is a macro as it is written.
type function struct {
	name     string
	params   []string
	defaults []expr // nil where there is none
	body     []stmt
}

// macro is a function with the scope that it was defined in.
type macro struct {
	*function
	scope *scope
}

type macroBlock struct{ function *function }

func (x *macroBlock) run(m *machine, s *scope) flow {
	s.set(x.function.name, &macro{x.function, s})
	return onward
}

type callBlock struct {
	line   int
	call   *call
	caller *function
}

func (x *callBlock) run(m *machine, s *scope) flow {
	m.line = x.line
	f, ok := x.call.of.eval(m, s).(*macro)
	if !ok {
		m.fail("want a macro to call with a block, had something else")
	}
	positional, names, named := x.call.evalAll(m, s)
	text := f.call(m, positional, append(names, "caller"), append(named, &macro{x.caller, s}))
	m.write(text)
	return onward
}

// descend counts a call within others.
func (m *machine) descend() {
	if m.calls++; m.calls > maxCalls {
		m.fail("want at most %d calls within each other, had more", maxCalls)
	}
}

// call runs the body with arguments and returns what it wrote. Those that no parameter takes are varargs and kwargs.
func (f *macro) call(m *machine, positional []any, names []string, named []any) string {
	m.descend()
	defer func() { m.calls-- }()
	line := m.line
	inner := f.scope.inner()
	m.step(len(names) * len(f.params) / 64)
	given := map[string]bool{}
	rest, kwargs := []any{}, newDict()
	for i, v := range positional {
		if i < len(f.params) {
			inner.set(f.params[i], v)
			given[f.params[i]] = true
		} else {
			rest = append(rest, v)
		}
	}
	for i, name := range names {
		switch {
		case given[name]:
			m.fail("macro %s: want the argument %s once, had it twice", f.name, name)
		case slices.Contains(f.params, name) || name == "caller":
			inner.set(name, named[i])
			given[name] = true
		default:
			kwargs.set(name, named[i])
		}
	}
	varargs := m.list(rest)
	varargs.tuple = true
	m.made(64 * len(kwargs.keys))
	inner.set("varargs", varargs)
	inner.set("kwargs", kwargs)
	for i, name := range f.params {
		if given[name] {
			continue
		}
		if f.defaults[i] == nil {
			inner.set(name, undefined{name})
		} else {
			inner.set(name, f.defaults[i].eval(m, inner))
		}
	}
	text := m.capture(func() { runAll(m, inner, f.body) })
	m.line = line
	return text
}
