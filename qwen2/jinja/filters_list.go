package jinja

import (
	"slices"
	"strings"
)

// addListFilters adds the filters of lists.
func addListFilters(value func(do func(m *machine, v any) any) *builtin) {
	add := map[string]*builtin{
		"list": value(func(m *machine, v any) any { return m.list(slices.Clone(m.items(v))) }),
		"first": value(func(m *machine, v any) any {
			items := m.items(v)
			if len(items) == 0 {
				return undefined{"the first item of nothing"}
			}
			return items[0]
		}),
		"last": value(func(m *machine, v any) any {
			items := m.items(v)
			if len(items) == 0 {
				return undefined{"the last item of nothing"}
			}
			return items[len(items)-1]
		}),
		"reverse": value(func(m *machine, v any) any {
			items := slices.Clone(m.items(v))
			slices.Reverse(items)
			if _, ok := v.(string); ok {
				return m.text(joinText(items))
			}
			return m.list(items)
		}),
		"items": value(func(m *machine, v any) any {
			switch v := v.(type) {
			case undefined:
				return m.list(nil)
			case *dict:
				return pairs(m, v)
			}
			m.fail("items: want a dict, had %s", kindOf(v))
			return nil
		}),
		"join": {params: []string{"value", "d", "attribute"}, required: 1, call: func(m *machine, a []any) any {
			of := attribute(m, or(a[2], nil))
			return join(m, m.string(or(a[1], "")), m.items(a[0]), func(v any) string { return m.string(of(v)) })
		}},
		"sum": {params: []string{"iterable", "attribute", "start"}, required: 1, call: func(m *machine, a []any) any {
			of, total := attribute(m, or(a[1], nil)), or(a[2], int64(0))
			for _, v := range m.items(a[0]) {
				total = arithmetic(m, "+", total, of(v))
			}
			return total
		}},
		"sort": {params: []string{"value", "reverse", "case_sensitive", "attribute"}, required: 1,
			call: func(m *machine, a []any) any {
				items := slices.Clone(m.items(a[0]))
				sortValues(m, items, folded(m, or(a[3], nil), or(a[2], false)), truth(or(a[1], false)))
				return m.list(items)
			}},
		"unique": {params: []string{"value", "case_sensitive", "attribute"}, required: 1, call: unique},
		"min": {params: []string{"value", "case_sensitive", "attribute"}, required: 1, call: func(m *machine, a []any) any {
			return extreme(m, a, -1)
		}},
		"max": {params: []string{"value", "case_sensitive", "attribute"}, required: 1, call: func(m *machine, a []any) any {
			return extreme(m, a, 1)
		}},
		"dictsort":   {params: []string{"value", "case_sensitive", "by", "reverse"}, required: 1, call: dictSort},
		"groupby":    {params: []string{"value", "attribute"}, required: 2, call: groupBy},
		"batch":      {params: []string{"value", "linecount", "fill_with"}, required: 2, call: batch},
		"attr":       {params: []string{"obj", "name"}, required: 2, call: attr},
		"map":        {params: mapParams, required: 1, call: mapItems},
		"select":     {list: true, call: func(m *machine, a []any) any { return choose(m, a, false, true) }},
		"reject":     {list: true, call: func(m *machine, a []any) any { return choose(m, a, false, false) }},
		"selectattr": {list: true, call: func(m *machine, a []any) any { return choose(m, a, true, true) }},
		"rejectattr": {list: true, call: func(m *machine, a []any) any { return choose(m, a, true, false) }},
	}
	for name, f := range add {
		filters[name] = f
	}
}

func attr(m *machine, a []any) any {
	name := m.plain(a[1], "attr")
	if d, ok := a[0].(*dict); ok { // attributes only
		if f := method(m, d, name); f != nil {
			return f
		}
		return undefined{name}
	}
	return getField(m, a[0], name)
}

// attribute returns a function that takes the field a.b.0 of a value, or the value itself where there is no path.
func attribute(m *machine, path any) func(v any) any {
	switch path := path.(type) {
	case nil:
		return func(v any) any { return v }
	case int64:
		return func(v any) any { return getItem(m, v, path) }
	}
	dotted := m.plain(path, "attribute")
	m.made(16 * (1 + strings.Count(dotted, ".")))
	names := strings.Split(dotted, ".")
	return func(v any) any {
		for _, name := range names {
			m.step(1)
			var key any = name
			if n, err := readNumber(name); err == nil && name != "" && name[0] >= '0' && name[0] <= '9' {
				key = n
			}
			v = getItem(m, v, key)
		}
		return v
	}
}

// folded is attribute with texts in small letters, unless case matters.
func folded(m *machine, path, sensitive any) func(v any) any {
	of := attribute(m, path)
	return func(v any) any {
		v = of(v)
		if s, ok := v.(string); ok && !truth(sensitive) {
			return m.text(lower(s))
		}
		return v
	}
}

// sortValues sorts by what key takes of each.
func sortValues(m *machine, items []any, key func(v any) any, reverse bool) {
	type keyed struct{ key, value any }
	all := make([]keyed, len(items))
	m.made(32 * len(items))
	for i, v := range items {
		all[i] = keyed{key(v), v}
	}
	slices.SortStableFunc(all, func(a, b keyed) int {
		m.step(1)
		if reverse {
			a, b = b, a
		}
		return order(m, a.key, b.key, 0)
	})
	for i := range all {
		items[i] = all[i].value
	}
}

func unique(m *machine, a []any) any {
	key := folded(m, or(a[2], nil), or(a[1], false))
	var kept, keys []any
	for _, v := range m.items(a[0]) {
		k := key(v)
		if !contains(m, &list{items: keys}, k) {
			kept, keys = append(kept, v), append(keys, k)
		}
	}
	return m.list(kept)
}

func extreme(m *machine, a []any, wanted int) any {
	key := folded(m, or(a[2], nil), or(a[1], false))
	var best any = undefined{"the least or largest of nothing"}
	for i, v := range m.items(a[0]) {
		if i == 0 || order(m, key(v), key(best), 0) == wanted {
			best = v
		}
	}
	return best
}

func dictSort(m *machine, a []any) any {
	d, ok := a[0].(*dict)
	if !ok {
		m.fail("dictsort: want a dict, had %s", kindOf(a[0]))
	}
	by := int64(0)
	if or(a[2], "key") == "value" {
		by = 1
	}
	l := pairs(m, d)
	sortValues(m, l.items, folded(m, by, or(a[1], false)), truth(or(a[3], false)))
	return l
}

func groupBy(m *machine, a []any) any {
	key := attribute(m, a[1])
	items := slices.Clone(m.items(a[0]))
	sortValues(m, items, folded(m, a[1], false), false)
	var groups []any
	var last *list
	for _, v := range items {
		k := key(v)
		if last == nil || !equal(m, last.items[0], k, 0) {
			last = &list{[]any{k, &list{}}, true}
			groups = append(groups, last)
		}
		of := last.items[1].(*list)
		of.items = append(of.items, v)
	}
	m.made(64 * len(items))
	return m.list(groups)
}

func batch(m *machine, a []any) any {
	n := int(m.integer(a[1], "batch"))
	if n < 1 {
		m.fail("batch: want at least 1, had %d", n)
	}
	var rows []any
	for part := range slices.Chunk(m.items(a[0]), n) {
		row := m.list(slices.Clone(part))
		if fill := or(a[2], nil); fill != nil {
			m.made(16 * (min(n, 1<<50) - len(part))) // 1<<50 is more than there ever is
			for len(row.items) < n {
				row.items = append(row.items, fill)
			}
		}
		rows = append(rows, row)
	}
	return m.list(rows)
}

// mapParams are those of map: a filter with up to five arguments, or attribute and default.
var mapParams = []string{"value", "filter", "1", "2", "3", "4", "5", "attribute", "default"}

func mapItems(m *machine, a []any) any {
	var out []any
	items := m.items(a[0])
	if path := or(a[7], nil); path != nil {
		of := attribute(m, path)
		for _, v := range items {
			x := of(v)
			if _, ok := x.(undefined); ok {
				x = or(a[8], x)
			}
			out = append(out, x)
		}
		return m.list(out)
	}
	f, ok := filters[m.plain(or(a[1], nil), "map")]
	if !ok {
		m.fail("map: want a filter, had %.40q", a[1])
	}
	rest := slices.DeleteFunc(slices.Clone(a[2:7]), func(v any) bool { return v == any(missing{}) })
	for _, v := range items {
		m.step(1 + sizeOf(v)/256)
		out = append(out, f.run(m, append([]any{v}, rest...), nil, nil))
	}
	return m.list(out)
}

// choose keeps the items that a test, or their being true, is true of, or with keep false the others.
func choose(m *machine, a []any, byAttribute, keep bool) any {
	a = a[0].(*list).items
	of, rest := attribute(m, nil), a[1:]
	if byAttribute {
		if len(rest) == 0 {
			m.fail("want the name of an attribute, had none")
		}
		of, rest = attribute(m, rest[0]), rest[1:]
	}
	is := func(v any) bool { return truth(v) }
	if len(rest) > 0 {
		t, ok := tests[m.plain(rest[0], "select")]
		if !ok {
			m.fail("want a test, had %.40q", rest[0])
		}
		is = func(v any) bool { return truth(t.run(m, append([]any{v}, rest[1:]...), nil, nil)) }
	}
	var kept []any
	for _, v := range m.items(a[0]) {
		m.step(1)
		if is(of(v)) == keep {
			kept = append(kept, v)
		}
	}
	return m.list(kept)
}
