package jinja

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// changing are the methods that would change a value.
var changing = map[string]string{
	"list": "append extend insert pop remove reverse sort clear", "dict": "clear pop popitem setdefault update"}

// method is a method of v, or nil.
func method(m *machine, v any, name string) any {
	of := ""
	var f *builtin
	switch v := v.(type) {
	case string:
		f = stringMethods[name]
	case *dict:
		of, f = "dict", dictMethods[name]
	case *list:
		if of, f = "list", listMethods[name]; v.tuple {
			of = "tuple"
		}
	}
	if slices.Contains(strings.Fields(changing[of]), name) {
		m.fail("want nothing that changes a %s, had .%s", of, name)
	}
	if f == nil {
		return nil
	}
	return &builtin{name: name, params: f.params, required: f.required, list: f.list,
		call: func(m *machine, a []any) any {
			m.step(sizeOf(v) / 256)
			return f.call(m, append([]any{v}, a...))
		}}
}

var listMethods = map[string]*builtin{
	"copy": {call: func(_ *machine, a []any) any { return &list{items: a[0].(*list).items} }},
	"count": {params: []string{"value"}, required: 1, call: func(m *machine, a []any) any {
		n := int64(0)
		for _, x := range m.items(a[0]) {
			if equal(m, x, a[1], 0) {
				n++
			}
		}
		return n
	}},
	"index": {params: []string{"value"}, required: 1, call: func(m *machine, a []any) any {
		for i, x := range m.items(a[0]) {
			if equal(m, x, a[1], 0) {
				return int64(i)
			}
		}
		m.fail("index: want an item of the list, had none like that")
		return nil
	}},
}

var dictMethods = map[string]*builtin{
	"copy": {call: func(_ *machine, a []any) any { return a[0] }},
	"get": {params: []string{"key", "default"}, required: 1, call: func(m *machine, a []any) any {
		if v, ok := a[0].(*dict).get(m.key(a[1])); ok {
			return v
		}
		return or(a[2], nil)
	}},
	"keys":   {call: func(m *machine, a []any) any { return m.list(slices.Clone(a[0].(*dict).keys)) }},
	"values": {call: func(m *machine, a []any) any { return m.list(slices.Clone(a[0].(*dict).values)) }},
	"items":  {call: func(m *machine, a []any) any { return pairs(m, a[0].(*dict)) }},
}

// pairs are the items of a dict.
func pairs(m *machine, d *dict) *list {
	items := make([]any, len(d.keys))
	m.made(48 * len(items))
	for i := range items {
		items[i] = &list{[]any{d.keys[i], d.values[i]}, true}
	}
	return m.list(items)
}

// onText makes a method without arguments.
func onText(do func(s string) string) *builtin {
	return &builtin{call: func(m *machine, a []any) any { return m.text(do(a[0].(string))) }}
}

// isText makes a method that wants all characters, and one at least, to be of a kind.
func isText(is func(r rune) bool) *builtin {
	return &builtin{call: func(_ *machine, a []any) any {
		s := a[0].(string)
		return s != "" && strings.IndexFunc(s, func(r rune) bool { return !is(r) }) < 0
	}}
}

// strip makes a method that takes characters off.
func strip(trim func(string, func(rune) bool) string) *builtin {
	return &builtin{params: []string{"chars"}, call: func(m *machine, a []any) any {
		if chars := or(a[1], nil); chars != nil {
			return m.text(trim(a[0].(string), among(m, m.plain(chars, "strip"))))
		}
		return m.text(trim(a[0].(string), pythonSpace))
	}}
}

// among tells of a character whether it is one of chars.
func among(m *machine, chars string) func(r rune) bool {
	m.step(len(chars) / 16)
	set := map[rune]bool{}
	for _, r := range chars {
		set[r] = true
	}
	return func(r rune) bool { return set[r] }
}

// affix makes startswith or endswith, which take one text or a tuple of them.
func affix(has func(s, affix string) bool) *builtin {
	return &builtin{params: []string{"affix"}, required: 1, call: func(m *machine, a []any) any {
		all := []any{a[1]}
		if l, ok := a[1].(*list); ok && l.tuple {
			all = l.items
		}
		return slices.ContainsFunc(all, func(x any) bool { return has(a[0].(string), m.plain(x, "startswith")) })
	}}
}

// find makes a method that returns the place of a text in characters.
func find(index func(s, sub string) int, must bool) *builtin {
	return &builtin{params: []string{"sub"}, required: 1, call: func(m *machine, a []any) any {
		s := a[0].(string)
		i := index(s, m.plain(a[1], "find"))
		if i < 0 && must {
			m.fail("index: want a text that has %.40q, had none", a[1])
		}
		return int64(utf8.RuneCountInString(s[:max(i, 0)]) + min(i, 0))
	}}
}

// pad makes a method that fills a text up to a width; share of what is missing goes to the left.
func pad(left func(missing int) int) *builtin {
	return &builtin{params: []string{"width", "fillchar"}, required: 1, call: func(m *machine, a []any) any {
		s, fill := a[0].(string), m.plain(or(a[2], " "), "fillchar")
		return m.text(padded(m, s, m.integer(a[1], "width"), fill, left))
	}}
}

func padded(m *machine, s string, width int64, fill string, left func(missing int) int) string {
	n := int(min(width, maxBytes*2)) - utf8.RuneCountInString(s)
	if n <= 0 {
		return s
	}
	m.made(n * len(fill))
	return strings.Repeat(fill, left(n)) + s + strings.Repeat(fill, n-left(n))
}

// lower and upper are the full mappings of Unicode, as in Python: one character may become several.
func lower(s string) string { return cases.Lower(language.Und).String(s) }
func upper(s string) string { return cases.Upper(language.Und).String(s) }

func capitalize(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return upper(s[:n]) + lower(s[n:])
}

// titleWords is the filter: words begin behind white space, - and opening brackets.
func titleWords(s string) string {
	var b strings.Builder
	for s != "" {
		n := strings.IndexFunc(s, wordBreak)
		if n < 0 {
			n = len(s)
		}
		b.WriteString(capitalize(s[:n]))
		s = s[n:]
		n = len(s) - len(strings.TrimLeftFunc(s, wordBreak))
		b.WriteString(s[:n])
		s = s[n:]
	}
	return b.String()
}

func wordBreak(r rune) bool { return pythonSpace(r) || strings.ContainsRune("-({[<", r) }

// title begins each run of letters with a capital one.
func title(s string) string {
	before := ' '
	return strings.Map(func(r rune) rune {
		first := !unicode.IsLetter(before)
		before = r
		if first {
			return unicode.ToTitle(r)
		}
		return unicode.ToLower(r)
	}, s)
}
