package jinja

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
)

// stringMethods are str's.
var stringMethods = map[string]*builtin{
	"lower": onText(lower), "upper": onText(upper), "title": onText(title),
	"capitalize": onText(capitalize), "casefold": onText(cases.Fold().String),
	"swapcase": onText(func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsUpper(r) {
				return unicode.ToLower(r)
			}
			return unicode.ToUpper(r)
		}, s)
	}),
	"isalpha": isText(unicode.IsLetter), "isdigit": isText(unicode.IsDigit), "isdecimal": isText(unicode.IsDigit),
	"isnumeric": isText(unicode.IsNumber), "isspace": isText(pythonSpace),
	"isalnum":    isText(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }),
	"islower":    {call: func(m *machine, a []any) any { return already(m, a[0].(string), lower) }},
	"isupper":    {call: func(m *machine, a []any) any { return already(m, a[0].(string), upper) }},
	"istitle":    {call: func(m *machine, a []any) any { return already(m, a[0].(string), title) }},
	"strip":      strip(strings.TrimFunc),
	"lstrip":     strip(strings.TrimLeftFunc),
	"rstrip":     strip(strings.TrimRightFunc),
	"startswith": affix(strings.HasPrefix), "endswith": affix(strings.HasSuffix),
	"find": find(strings.Index, false), "rfind": find(strings.LastIndex, false),
	"index": find(strings.Index, true), "rindex": find(strings.LastIndex, true),
	"ljust":  pad(func(int) int { return 0 }),
	"rjust":  pad(func(n int) int { return n }),
	"center": pad(func(n int) int { return n / 2 }),
	"count": {params: []string{"sub"}, required: 1, call: func(m *machine, a []any) any {
		return int64(strings.Count(a[0].(string), m.plain(a[1], "count")))
	}},
	"join": {params: []string{"items"}, required: 1, call: func(m *machine, a []any) any {
		return join(m, a[0].(string), m.items(a[1]), func(v any) string { return m.plain(v, "join") })
	}},
	"replace": {params: []string{"old", "new", "count"}, required: 2, call: func(m *machine, a []any) any {
		return replace(m, a[0].(string), m.plain(a[1], "replace"), m.plain(a[2], "replace"),
			m.integer(or(a[3], int64(-1)), "replace"))
	}},
	"removeprefix": {params: []string{"prefix"}, required: 1, call: func(m *machine, a []any) any {
		return m.text(strings.TrimPrefix(a[0].(string), m.plain(a[1], "removeprefix")))
	}},
	"removesuffix": {params: []string{"suffix"}, required: 1, call: func(m *machine, a []any) any {
		return m.text(strings.TrimSuffix(a[0].(string), m.plain(a[1], "removesuffix")))
	}},
	"split": {params: []string{"sep", "maxsplit"}, call: func(m *machine, a []any) any {
		return split(m, a, false)
	}},
	"rsplit": {params: []string{"sep", "maxsplit"}, call: func(m *machine, a []any) any {
		return split(m, a, true)
	}},
	"splitlines": {params: []string{"keepends"}, call: func(m *machine, a []any) any {
		return splitLines(m, a[0].(string), truth(or(a[1], false)))
	}},
	"partition": {params: []string{"sep"}, required: 1, call: func(m *machine, a []any) any {
		return partition(m, a, strings.Index, false)
	}},
	"rpartition": {params: []string{"sep"}, required: 1, call: func(m *machine, a []any) any {
		return partition(m, a, strings.LastIndex, true)
	}},
	"zfill": {params: []string{"width"}, required: 1, call: func(m *machine, a []any) any {
		s := a[0].(string)
		sign := ""
		if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
			sign, s = s[:1], s[1:]
		}
		width := m.integer(a[1], "zfill") - int64(len(sign))
		return m.text(sign + padded(m, s, width, "0", func(n int) int { return n }))
	}},
	"format": {list: true, call: func(m *machine, a []any) any {
		m.fail("want %% or the filter format to put values into a text, had .format")
		return nil
	}},
}

// join puts texts together.
func join(m *machine, sep string, items []any, text func(v any) string) string {
	var b strings.Builder
	for i, v := range items {
		s := text(v)
		if i > 0 {
			m.made(len(sep))
			b.WriteString(sep)
		}
		m.made(len(s))
		b.WriteString(s)
	}
	return b.String()
}

// replace counts what it makes before it makes it.
func replace(m *machine, s, old, with string, count int64) string {
	n := int64(strings.Count(s, old))
	if count >= 0 {
		n = min(n, count)
	}
	m.made(len(s) + int(n)*len(with))
	return strings.Replace(s, old, with, int(n))
}

func split(m *machine, a []any, right bool) *list {
	s, most := a[0].(string), m.integer(or(a[2], int64(-1)), "split")
	sep := or(a[1], nil)
	var parts []string
	if sep == nil {
		parts = splitSpace(m, s, int(most), right)
	} else {
		by := m.plain(sep, "split")
		if by == "" {
			m.fail("split: want a text to split by, had an empty one")
		}
		if most < 0 || most > int64(len(s)) {
			most = int64(len(s))
		}
		m.made(32 * (1 + int(min(most, int64(strings.Count(s, by))))))
		if right {
			for ; most > 0; most-- {
				i := strings.LastIndex(s, by)
				if i < 0 {
					break
				}
				parts = append(parts, s[i+len(by):])
				s = s[:i]
			}
			parts = append(parts, s)
			slices.Reverse(parts)
		} else {
			parts = strings.SplitN(s, by, int(most)+1)
		}
	}
	return m.texts(parts)
}

// splitSpace splits at runs of white space, at most so many times if most is not negative; what is left then keeps the
// white space at its other end.
func splitSpace(m *machine, s string, most int, right bool) (parts []string) {
	trim, index := strings.TrimLeftFunc, strings.IndexFunc
	if right {
		trim, index = strings.TrimRightFunc, strings.LastIndexFunc
	}
	for s = trim(s, pythonSpace); s != ""; s = trim(s, pythonSpace) {
		m.made(32)
		i := index(s, pythonSpace)
		if i < 0 || most == 0 {
			parts = append(parts, s)
			break
		}
		most--
		if _, size := utf8.DecodeRuneInString(s[i:]); right {
			parts, s = append(parts, s[i+size:]), s[:i]
		} else {
			parts, s = append(parts, s[:i]), s[i:]
		}
	}
	if right {
		slices.Reverse(parts)
	}
	return parts
}

func (m *machine) texts(parts []string) *list {
	items := make([]any, len(parts))
	for i, p := range parts {
		items[i] = p
	}
	return m.list(items)
}

func splitLines(m *machine, s string, keep bool) *list {
	var parts []string
	for s != "" {
		m.made(32)
		n := strings.IndexFunc(s, lineBreak)
		end := len(s)
		if n < 0 {
			n = len(s)
		} else if strings.HasPrefix(s[n:], "\r\n") {
			end = n + 2
		} else {
			_, size := utf8.DecodeRuneInString(s[n:])
			end = n + size
		}
		if keep {
			parts = append(parts, s[:end])
		} else {
			parts = append(parts, s[:n])
		}
		s = s[end:]
	}
	return m.texts(parts)
}

func lineBreak(r rune) bool {
	return r >= '\n' && r <= '\r' || r >= 0x1c && r <= 0x1e || r == 0x85 || r == 0x2028 || r == 0x2029
}

func partition(m *machine, a []any, index func(s, sub string) int, right bool) *list {
	s, sep := a[0].(string), m.plain(a[1], "partition")
	if sep == "" {
		m.fail("partition: want a text to split by, had an empty one")
	}
	var l *list
	switch i := index(s, sep); {
	case i >= 0:
		l = m.texts([]string{s[:i], sep, s[i+len(sep):]})
	case right:
		l = m.texts([]string{"", "", s})
	default:
		l = m.texts([]string{s, "", ""})
	}
	l.tuple = true
	return l
}
