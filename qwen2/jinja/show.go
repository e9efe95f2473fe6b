package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// string is Python's str.
func (m *machine) string(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case undefined:
		return ""
	}
	var b strings.Builder
	m.repr(&b, v, 0)
	return m.text(b.String())
}

// repr writes what Python's repr does.
func (m *machine) repr(b *strings.Builder, v any, depth int) {
	m.step(1)
	if depth > maxDepth {
		m.fail("want values nested at most %d deep, had more", maxDepth)
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		b.WriteString(map[bool]string{true: "True", false: "False"}[v])
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case bigInt:
		m.made(len(v))
		b.WriteString(string(v))
	case float64:
		b.WriteString(floatText(v))
	case string:
		m.made(len(v))
		reprString(b, v)
	case *list:
		m.reprList(b, v, depth)
	case *dict:
		b.WriteByte('{')
		for i, k := range v.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			m.repr(b, k, depth+1)
			b.WriteString(": ")
			m.repr(b, v.values[i], depth+1)
		}
		b.WriteByte('}')
	case undefined:
		b.WriteString("Undefined")
	default:
		m.fail("want text, a number, a list or a dict to show, had %s", kindOf(v))
	}
}

func (m *machine) reprList(b *strings.Builder, l *list, depth int) {
	open, shut := "[", "]"
	if l.tuple {
		open, shut = "(", ")"
		if len(l.items) == 1 {
			shut = ",)"
		}
	}
	b.WriteString(open)
	for i, x := range l.items {
		if i > 0 {
			b.WriteString(", ")
		}
		m.repr(b, x, depth+1)
	}
	b.WriteString(shut)
}

func reprString(b *strings.Builder, s string) {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	b.WriteByte(quote)
	for _, r := range s {
		switch {
		case r == rune(quote) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			fmt.Fprintf(b, `\U%08x`, r)
		}
	}
	b.WriteByte(quote)
}

// floatText is float.__repr__: the shortest decimal, with an exponent below 1e-4 and from 1e16 on.
func floatText(f float64) string {
	switch a := math.Abs(f); {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.TrimPrefix(strings.ToLower(fmt.Sprint(f)), "+")
	case a != 0 && (a < 1e-4 || a >= 1e16):
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// format is Python's text % values, for %s, %r, %d, %i and %f.
func format(m *machine, text string, values any) string {
	args := []any{values}
	if l, ok := values.(*list); ok && l.tuple {
		args = l.items
	}
	named, _ := values.(*dict)
	m.made(len(text))
	var b strings.Builder
	next := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		spec := text[i+1:]
		if strings.HasPrefix(spec, "%") {
			b.WriteByte('%')
			i++
			continue
		}
		var v any = missing{}
		if name, rest, ok := strings.Cut(strings.TrimPrefix(spec, "("), ")"); strings.HasPrefix(spec, "(") && ok {
			i += len(spec) - len(rest)
			if spec = rest; named != nil {
				v, _ = named.get(name)
			}
		} else if next < len(args) {
			v = args[next]
			next++
		}
		n := strings.IndexAny(spec, "srdif")
		if v == any(missing{}) || n < 0 || strings.Trim(spec[:n], ".0123456789") != "" || n > 4 {
			m.fail("format: want %%s, %%r, %%d or %%f with a value for each, had %%%.20s", spec)
		}
		m.formatOne(&b, spec[:n+1], v)
		i += n + 1
	}
	if named == nil && next < len(args) {
		m.fail("format: want a place for each value, had %d values for %d places", len(args), next)
	}
	return b.String()
}

func (m *machine) formatOne(b *strings.Builder, spec string, v any) {
	n := len(spec) - 1
	x, isNumber := number(v)
	switch c := spec[n]; {
	case c == 's':
		b.WriteString(m.text(fmt.Sprintf("%"+spec, m.string(v))))
	case c == 'r':
		m.repr(b, v, 0)
	case !isNumber:
		m.fail("format: want a number for %%%s, had %s", spec, kindOf(v))
	case c == 'f':
		b.WriteString(m.text(fmt.Sprintf("%"+spec, asFloat(x))))
	default:
		i, ok := x.(int64)
		if !ok {
			i = int64(asFloat(x))
		}
		b.WriteString(m.text(fmt.Sprintf("%"+spec[:n]+"d", i)))
	}
}
