package jinja

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A value is nil (None), bool, int64, bigInt, float64, string, *list, *dict, *namespace, *macro, *builtin, *loop or
// undefined.

// undefined is what a name, field or item that is not there evaluates to. It is false, empty, and prints as nothing;
// anything else done with it is an error.
type undefined struct{ name string }

// bigInt is an integer beyond 64 bits, which can only be shown.
type bigInt string

// list is a list or tuple. It never changes.
type list struct {
	items []any
	tuple bool
}

// dict keeps the order of its keys. It does not change once a template sees it.
type dict struct {
	keys, values []any
	at           map[any]int
}

func newDict() *dict { return &dict{at: map[any]int{}} }

// set takes a key as machine.key returns it.
func (d *dict) set(key, v any) {
	if i, ok := d.at[dictKey(key)]; ok {
		d.values[i] = v
		return
	}
	d.at[dictKey(key)] = len(d.keys)
	d.keys, d.values = append(d.keys, key), append(d.values, v)
}

func (d *dict) get(key any) (any, bool) {
	i, ok := d.at[dictKey(key)]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// dictKey makes one of numbers that are equal.
func dictKey(key any) any {
	switch k := key.(type) {
	case bool:
		if k {
			return int64(1)
		}
		return int64(0)
	case float64:
		if k == float64(int64(k)) {
			return int64(k)
		}
	}
	return key
}

// key checks that v can be a key of a dict.
func (m *machine) key(v any) any {
	switch v.(type) {
	case nil, bool, int64, float64, string, bigInt:
		m.step(sizeOf(v) / 256)
		return v
	}
	m.fail("want a string or a number as a key, had %s", kindOf(v))
	return nil
}

// namespace is the one value that changes, by {% set n.x = … %}.
type namespace struct {
	names  []string
	values map[string]any
}

func (n *namespace) set(m *machine, name string, v any) {
	if strings.HasPrefix(name, "_") {
		m.fail("want a field without _ in front, had %.40q", name)
	}
	if _, ok := n.values[name]; !ok {
		n.names = append(n.names, name)
	}
	n.values[name] = v
}

// kindOf names the type of a value.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case undefined:
		return v.name + ", which is undefined"
	case bool:
		return "a truth value"
	case int64, bigInt:
		return "an integer"
	case float64:
		return "a float"
	case string:
		return "a string"
	case *list:
		if v.tuple {
			return "a tuple"
		}
		return "a list"
	case *dict:
		return "a dict"
	case *namespace:
		return "a namespace"
	case *loop:
		return "a loop"
	case missing:
		return "nothing"
	}
	return "a function"
}

// truth is Python's: what is empty is false.
func truth(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case *list:
		return len(v.items) > 0
	case *dict:
		return len(v.keys) > 0
	}
	return true
}

// items are what a loop goes over: items of a list, keys of a dict, characters of a string.
func (m *machine) items(v any) []any {
	switch v := v.(type) {
	case undefined:
		return nil
	case *list:
		m.step(len(v.items) / 16)
		return v.items
	case *dict:
		m.step(len(v.keys) / 16)
		return v.keys
	case string:
		m.made(16 * len(v))
		items := make([]any, 0, utf8.RuneCountInString(v))
		for _, r := range v {
			items = append(items, string(r))
		}
		return items
	}
	m.fail("want a list, a dict or a string to go over, had %s", kindOf(v))
	return nil
}

// length is Python's len.
func (m *machine) length(v any) int {
	switch v := v.(type) {
	case undefined:
		return 0
	case string:
		m.step(len(v) / 256)
		return utf8.RuneCountInString(v)
	case *list:
		return len(v.items)
	case *dict:
		return len(v.keys)
	}
	m.fail("want a list, a dict or a string to measure, had %s", kindOf(v))
	return 0
}

// sizeOf is about how much a filter has to look at.
func sizeOf(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case *list:
		return 16 * len(v.items)
	case *dict:
		return 64 * len(v.keys)
	}
	return 0
}

// integer wants an integer.
func (m *machine) integer(v any, what string) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case bool:
		if v {
			return 1
		}
		return 0
	}
	m.fail("%s: want an integer, had %s", what, kindOf(v))
	return 0
}

// plain wants a string.
func (m *machine) plain(v any, what string) string {
	s, ok := v.(string)
	if !ok {
		m.fail("%s: want a string, had %s", what, kindOf(v))
	}
	return s
}

// or is v, or the default where it is missing.
func or(v, fallback any) any {
	if v == any(missing{}) {
		return fallback
	}
	return v
}

// number turns truth values into integers.
func number(v any) (any, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return int64(1), true
		}
		return int64(0), true
	case int64, float64:
		return v, true
	}
	return nil, false
}

func asFloat(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	panic(fmt.Sprintf("no number: %T", v))
}
