package jinja

// missing is an argument that was not given.
type missing struct{}

// builtin is a function, filter, test or method. call is given one value per parameter, missing where there was none;
// with list all positional ones in one *list, and no named ones.
type builtin struct {
	name     string
	params   []string
	required int
	list     bool
	call     func(m *machine, a []any) any
}

func (f *builtin) run(m *machine, positional []any, names []string, values []any) any {
	if f == globals["namespace"] || f == globals["dict"] {
		return fieldsOf(m, f, positional, names, values)
	}
	if f.list {
		if len(names) > 0 {
			m.fail("%s: want no argument with a name, had %s", f.name, names[0])
		}
		return f.call(m, []any{&list{items: positional}})
	}
	if len(positional) > len(f.params) {
		m.fail("%s: want at most %d arguments, had %d", f.name, len(f.params), len(positional))
	}
	a := make([]any, len(f.params))
	for i := range a {
		a[i] = missing{}
	}
	copy(a, positional)
	for i, name := range names {
		at := -1
		for k, p := range f.params {
			if p == name && a[k] == any(missing{}) {
				at = k
			}
		}
		if at < 0 {
			m.fail("%s: want no argument %s here", f.name, name)
		}
		a[at] = values[i]
	}
	for i := range f.required {
		if a[i] == any(missing{}) {
			m.fail("%s: want the argument %s, had none", f.name, f.params[i])
		}
	}
	return f.call(m, a)
}
