package jinja

import (
	"strings"
	"unicode"
)

// tests are what may stand behind is.
var tests map[string]*builtin

func init() {
	one := func(is func(m *machine, v any) bool) *builtin {
		return &builtin{params: []string{"value"}, required: 1, call: func(m *machine, a []any) any { return is(m, a[0]) }}
	}
	two := func(is func(m *machine, v, other any) bool) *builtin {
		return &builtin{params: []string{"value", "other"}, required: 2,
			call: func(m *machine, a []any) any { return is(m, a[0], a[1]) }}
	}
	comparing := func(op string) *builtin {
		return two(func(m *machine, v, other any) bool { return compare(m, op, v, other) })
	}
	tests = named(map[string]*builtin{
		"defined":   one(func(_ *machine, v any) bool { _, ok := v.(undefined); return !ok }),
		"undefined": one(func(_ *machine, v any) bool { _, ok := v.(undefined); return ok }),
		"none":      one(func(_ *machine, v any) bool { return v == nil }),
		"boolean":   one(func(_ *machine, v any) bool { _, ok := v.(bool); return ok }),
		"true":      one(func(_ *machine, v any) bool { return v == any(true) }),
		"false":     one(func(_ *machine, v any) bool { return v == any(false) }),
		"integer":   one(func(_ *machine, v any) bool { return strings.Contains("int64 bigInt", typeName(v)) }),
		"float":     one(func(_ *machine, v any) bool { _, ok := v.(float64); return ok }),
		"number": one(func(_ *machine, v any) bool {
			return strings.Contains("int64 bigInt float64 bool", typeName(v))
		}),
		"string":   one(func(_ *machine, v any) bool { _, ok := v.(string); return ok }),
		"mapping":  one(func(_ *machine, v any) bool { _, ok := v.(*dict); return ok }),
		"sequence": one(func(_ *machine, v any) bool { return sized(v) }),
		"iterable": one(func(_ *machine, v any) bool { return sized(v) }),
		"callable": one(func(_ *machine, v any) bool { return kindOf(v) == "a function" }),
		"escaped":  one(func(*machine, any) bool { return false }),
		"odd":      one(func(m *machine, v any) bool { return m.integer(v, "odd")%2 != 0 }),
		"even":     one(func(m *machine, v any) bool { return m.integer(v, "even")%2 == 0 }),
		"divisibleby": two(func(m *machine, v, by any) bool {
			return arithmetic(m, "%", m.integer(v, "divisibleby"), m.integer(by, "divisibleby")) == any(int64(0))
		}),
		"lower":  one(func(m *machine, v any) bool { return already(m, m.string(v), lower) }),
		"upper":  one(func(m *machine, v any) bool { return already(m, m.string(v), upper) }),
		"sameas": two(func(_ *machine, v, other any) bool { return v == other }),
		"filter": one(func(_ *machine, v any) bool { s, _ := v.(string); return filters[s] != nil }),
		"test":   one(func(_ *machine, v any) bool { s, _ := v.(string); return tests[s] != nil }),
		"in":     two(func(m *machine, v, of any) bool { return contains(m, of, v) }),
	})
	for op, names := range map[string]string{"==": "== eq equalto", "!=": "!= ne", "<": "< lt lessthan", "<=": "<= le",
		">": "> gt greaterthan", ">=": ">= ge"} {
		for name := range strings.FieldsSeq(names) {
			tests[name] = comparing(op)
			tests[name].name = name
		}
	}
}

func typeName(v any) string {
	switch v.(type) {
	case int64:
		return "int64"
	case bigInt:
		return "bigInt"
	case float64:
		return "float64"
	case bool:
		return "bool"
	}
	return "another"
}

// sized tells whether a loop can go over v.
func sized(v any) bool {
	switch v.(type) {
	case undefined, string, *list, *dict:
		return true
	}
	return false
}

// already tells whether a text has letters with case and is what do makes of it.
func already(m *machine, s string, do func(s string) string) bool {
	return cased(s) && s == m.text(do(s))
}

// cased tells whether a text has letters with case.
func cased(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsUpper(r) || unicode.IsLower(r) })
}
