package jinja

import (
	"strings"
	"unicode/utf8"
)

// getField is a.name: a method or attribute, or else the item of a dict.
func getField(m *machine, v any, name string) any {
	if strings.HasPrefix(name, "__") {
		m.fail("want a field, had %.40q: those are Python's own", name)
	}
	switch v := v.(type) {
	case undefined:
		m.fail("want something with a field %s, had %s, which is undefined", name, v.name)
	case *loop:
		return v.field(name)
	case *namespace:
		if x, ok := v.values[name]; ok {
			return x
		}
	case *dict:
		if f := method(m, v, name); f != nil {
			return f
		}
		if x, ok := v.get(name); ok {
			return x
		}
	default:
		if f := method(m, v, name); f != nil {
			return f
		}
	}
	return undefined{name}
}

// getItem is a[key]: an item, or else the attribute of that name.
func getItem(m *machine, v, key any) any {
	if u, ok := v.(undefined); ok {
		m.fail("want something with items, had %s, which is undefined", u.name)
	}
	if i, ok := key.(bool); ok {
		key = m.integer(i, "index")
	}
	switch v := v.(type) {
	case *dict:
		switch key.(type) {
		case nil, int64, float64, string, bigInt:
			if x, ok := v.get(m.key(key)); ok {
				return x
			}
		}
	case *list:
		if i, ok := key.(int64); ok {
			if i < 0 {
				i += int64(len(v.items))
			}
			if i >= 0 && i < int64(len(v.items)) {
				return v.items[i]
			}
		}
	case string:
		if i, ok := key.(int64); ok {
			n := int64(m.length(v))
			if i < 0 {
				i += n
			}
			if i >= 0 && i < n {
				return cutRunes(v, int(i), int(i)+1)
			}
		}
	}
	if name, ok := key.(string); ok {
		return getField(m, v, name)
	}
	return undefined{"the item"}
}

// cutRunes is the characters [start, end) of s.
func cutRunes(s string, start, end int) string {
	if len(s) == utf8.RuneCountInString(s) {
		return s[start:end]
	}
	from, n := len(s), 0
	for at := range s {
		if n == start {
			from = at
		}
		if n == end {
			return s[from:at]
		}
		n++
	}
	return s[from:]
}

// getSlice is a[start:end:step].
func getSlice(m *machine, v any, bounds [3]any) any {
	n := m.length(v)
	step := int64(1)
	if bounds[2] != nil {
		if step = m.integer(bounds[2], "step"); step == 0 {
			m.fail("want a step other than 0")
		}
	}
	least, most := int64(0), int64(n) // where a bound may lie
	start, end := least, most
	if step < 0 {
		least, most = -1, int64(n)-1
		start, end = most, least
	}
	for i, bound := range []*int64{&start, &end} {
		if bounds[i] == nil {
			continue
		}
		if *bound = m.integer(bounds[i], "slice"); *bound < 0 {
			*bound = max(*bound, -int64(n)-1) + int64(n)
		}
		*bound = min(max(*bound, least), most)
	}
	if s, ok := v.(string); ok && step == 1 {
		return m.text(cutRunes(s, int(min(start, end)), int(end)))
	}
	items := m.items(v)
	if _, ok := v.(*dict); ok {
		m.fail("want a list or a string to cut, had a dict")
	}
	var cut []any
	step = min(max(step, -int64(n)-1), int64(n)+1)
	for i := start; step > 0 && i < end || step < 0 && i > end; i += step {
		cut = append(cut, items[i])
	}
	if _, ok := v.(string); ok {
		return m.text(joinText(cut))
	}
	l := m.list(cut)
	if old, ok := v.(*list); ok {
		l.tuple = old.tuple
	}
	return l
}

func joinText(items []any) string {
	var b strings.Builder
	for _, x := range items {
		s, _ := x.(string)
		b.WriteString(s)
	}
	return b.String()
}
