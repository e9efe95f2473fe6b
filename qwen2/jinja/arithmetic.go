package jinja

import (
	"math"
	"math/bits"
	"strings"
)

// arithmetic is + - * / // % ** of Python, with integers of 64 bits.
func arithmetic(m *machine, op string, left, right any) any {
	for _, v := range []any{left, right} {
		if u, ok := v.(undefined); ok {
			m.fail("want something to put into %s, had %s, which is undefined", op, u.name)
		}
	}
	a, isNumber := number(left)
	b, too := number(right)
	if isNumber && too {
		x, ok := a.(int64)
		y, both := b.(int64)
		if ok && both && op != "/" && !(op == "**" && y < 0) {
			return integers(m, op, x, y)
		}
		return floats(m, op, asFloat(a), asFloat(b))
	}
	switch l := left.(type) {
	case string:
		if r, ok := right.(string); ok && op == "+" {
			return m.text(l + r)
		}
		if op == "%" {
			return format(m, l, right)
		}
	case *list:
		if r, ok := right.(*list); ok && op == "+" && l.tuple == r.tuple {
			m.made(16 * (len(l.items) + len(r.items)))
			return &list{append(l.items[:len(l.items):len(l.items)], r.items...), l.tuple}
		}
	}
	if op == "*" {
		if _, ok := a.(int64); ok {
			return repeat(m, right, a.(int64))
		}
		if _, ok := b.(int64); ok {
			return repeat(m, left, b.(int64))
		}
	}
	m.fail("want two numbers or two strings for %s, had %s and %s", op, kindOf(left), kindOf(right))
	return nil
}

// repeat is a string or list n times.
func repeat(m *machine, v any, n int64) any {
	n = max(n, 0)
	high, size := bits.Mul64(uint64(n), uint64(sizeOf(v)))
	if high > 0 || size > math.MaxInt64/2 {
		size = math.MaxInt64 / 2
	}
	m.made(int(size))
	switch v := v.(type) {
	case string:
		return strings.Repeat(v, int(min(n, int64(size)+1)*min(int64(len(v)), 1)))
	case *list:
		l := &list{tuple: v.tuple}
		for range n * min(int64(len(v.items)), 1) {
			l.items = append(l.items, v.items...)
		}
		return l
	}
	m.fail("want a string or a list to repeat, had %s", kindOf(v))
	return nil
}

func integers(m *machine, op string, x, y int64) any {
	var z int64
	ok := true
	switch op {
	case "+":
		z = x + y
		ok = (z > x) == (y > 0)
	case "-":
		z = x - y
		ok = (z < x) == (y > 0)
	case "*":
		z = x * y
		ok = x == 0 || z/x == y && !(x == -1 && y == math.MinInt64)
	case "//", "%":
		if y == 0 {
			m.fail("want a divisor other than 0 for %s", op)
		}
		ok = !(x == math.MinInt64 && y == -1)
		quotient, rest := int64(0), int64(0)
		if ok {
			quotient, rest = x/y, x%y
		}
		if rest != 0 && (rest < 0) != (y < 0) { // Python rounds down
			quotient, rest = quotient-1, rest+y
		}
		z = quotient
		if op == "%" {
			z = rest
		}
	case "**":
		z, ok = power(x, y)
	}
	if !ok {
		m.fail("want a result of 64 bits, had %d %s %d", x, op, y)
	}
	return z
}

func power(x, y int64) (z int64, ok bool) {
	if x == 0 || x == 1 || x == -1 {
		y = min(y, 2+y%2)
	}
	for z = 1; y > 0; y-- {
		if next := z * x; x != 0 && next/x != z {
			return 0, false
		} else {
			z = next
		}
	}
	return z, true
}

func floats(m *machine, op string, x, y float64) any {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "**":
		return math.Pow(x, y)
	}
	if y == 0 {
		m.fail("want a divisor other than 0 for %s", op)
	}
	switch op {
	case "/":
		return x / y
	case "//":
		return math.Floor(x / y)
	}
	rest := math.Mod(x, y)
	if rest != 0 && (rest < 0) != (y < 0) {
		rest += y
	}
	return rest
}
