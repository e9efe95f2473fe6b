package jinja

import (
	"math"
	"strings"
)

// compare is one of == != < <= > >= in, not in.
func compare(m *machine, op string, left, right any) bool {
	switch op {
	case "==":
		return equal(m, left, right, 0)
	case "!=":
		return !equal(m, left, right, 0)
	case "in":
		return contains(m, right, left)
	case "not in":
		return !contains(m, right, left)
	}
	c := order(m, left, right, 0)
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c == 1
	}
	return c == 0 || c == 1
}

// equal is ==. Values nested deeper than maxDepth are not looked into.
func equal(m *machine, left, right any, depth int) bool {
	if depth > maxDepth {
		m.fail("want values nested at most %d deep, had more", maxDepth)
	}
	if c, ok := orderNumbers(left, right); ok {
		return c == 0
	}
	switch l := left.(type) {
	case string:
		r, ok := right.(string)
		m.step(min(len(l), len(r)) / 256)
		return ok && l == r
	case undefined:
		_, ok := right.(undefined)
		return ok
	case *list:
		r, ok := right.(*list)
		if !ok || l.tuple != r.tuple || len(l.items) != len(r.items) {
			return false
		}
		m.step(len(l.items))
		for i := range l.items {
			if !equal(m, l.items[i], r.items[i], depth+1) {
				return false
			}
		}
		return true
	case *dict:
		r, ok := right.(*dict)
		if !ok || len(l.keys) != len(r.keys) {
			return false
		}
		m.step(len(l.keys))
		for i, k := range l.keys {
			if v, ok := r.get(k); !ok || !equal(m, l.values[i], v, depth+1) {
				return false
			}
		}
		return true
	}
	return left == right
}

// order is -1, 0 or 1, and 2 where floats have none.
func order(m *machine, left, right any, depth int) int {
	if depth > maxDepth {
		m.fail("want values nested at most %d deep, had more", maxDepth)
	}
	if c, ok := orderNumbers(left, right); ok {
		return c
	}
	if l, ok := left.(string); ok {
		if r, ok := right.(string); ok {
			m.step(min(len(l), len(r)) / 256)
			return strings.Compare(l, r)
		}
	}
	if l, ok := left.(*list); ok {
		if r, ok := right.(*list); ok && l.tuple == r.tuple {
			m.step(min(len(l.items), len(r.items)))
			for i := range min(len(l.items), len(r.items)) {
				if !equal(m, l.items[i], r.items[i], depth+1) {
					return order(m, l.items[i], r.items[i], depth+1)
				}
			}
			return sign3(len(l.items) < len(r.items), len(l.items) == len(r.items))
		}
	}
	m.fail("want two numbers or two strings to compare, had %s and %s", kindOf(left), kindOf(right))
	return 0
}

// orderNumbers is order for two numbers; ok is false for others.
func orderNumbers(left, right any) (c int, ok bool) {
	a, isNumber := number(left)
	b, too := number(right)
	if !isNumber || !too {
		return 0, false
	}
	x, whole := a.(int64)
	y, both := b.(int64)
	if whole && both {
		return sign3(x < y, x == y), true
	}
	f, g := asFloat(a), asFloat(b)
	if math.IsNaN(f) || math.IsNaN(g) {
		return 2, true
	}
	return sign3(f < g, f == g), true
}

func sign3(less, same bool) int {
	switch {
	case less:
		return -1
	case same:
		return 0
	}
	return 1
}

// contains is v in of.
func contains(m *machine, of, v any) bool {
	switch of := of.(type) {
	case undefined:
		return false
	case string:
		s, ok := v.(string)
		if !ok {
			m.fail("want a string to look for in a string, had %s", kindOf(v))
		}
		m.step(len(of) / 256)
		return strings.Contains(of, s)
	case *list:
		m.step(len(of.items))
		for _, x := range of.items {
			if equal(m, x, v, 0) {
				return true
			}
		}
		return false
	case *dict:
		_, ok := of.get(m.key(v))
		return ok
	}
	m.fail("want a list, a dict or a string to look in, had %s", kindOf(of))
	return false
}
