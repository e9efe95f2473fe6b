package jinja

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// filters are what may stand behind a bar. Those that print an object of Python's, choose at random or know HTML are
// left out.
var filters map[string]*builtin

func init() {
	text := func(do func(s string) string) *builtin {
		return &builtin{params: []string{"s"}, required: 1, call: func(m *machine, a []any) any {
			return m.text(do(m.string(a[0])))
		}}
	}
	value := func(do func(m *machine, v any) any) *builtin {
		return &builtin{params: []string{"value"}, required: 1, call: func(m *machine, a []any) any { return do(m, a[0]) }}
	}
	escape := text(strings.NewReplacer("&", "&amp;", ">", "&gt;", "<", "&lt;", "'", "&#39;", `"`, "&#34;").Replace)
	length := value(func(m *machine, v any) any { return int64(m.length(v)) })
	fallback := &builtin{params: []string{"value", "default_value", "boolean"}, required: 1,
		call: func(_ *machine, a []any) any {
			if _, ok := a[0].(undefined); ok || truth(or(a[2], false)) && !truth(a[0]) {
				return or(a[1], "")
			}
			return a[0]
		}}
	filters = map[string]*builtin{
		"lower": text(lower), "upper": text(upper), "capitalize": text(capitalize), "title": text(titleWords),
		"string": text(func(s string) string { return s }), "safe": text(func(s string) string { return s }),
		"escape": escape, "e": escape, "forceescape": escape, "length": length, "count": length,
		"default": fallback, "d": fallback,
		"trim": {params: []string{"value", "chars"}, required: 1, call: func(m *machine, a []any) any {
			s := m.string(a[0])
			if chars := or(a[1], nil); chars != nil {
				return m.text(strings.TrimFunc(s, among(m, m.plain(chars, "trim"))))
			}
			return m.text(strings.TrimFunc(s, pythonSpace))
		}},
		"replace": {params: []string{"s", "old", "new", "count"}, required: 3, call: func(m *machine, a []any) any {
			n := or(a[3], nil)
			if n == nil {
				n = int64(-1)
			}
			return replace(m, m.string(a[0]), m.string(a[1]), m.string(a[2]), m.integer(n, "replace"))
		}},
		"center": {params: []string{"value", "width"}, required: 1, call: func(m *machine, a []any) any {
			return padded(m, m.string(a[0]), m.integer(or(a[1], int64(80)), "center"), " ", func(n int) int { return n / 2 })
		}},
		"indent": {params: []string{"s", "width", "first", "blank"}, required: 1, call: indent},
		"truncate": {params: []string{"s", "length", "killwords", "end", "leeway"}, required: 1,
			call: truncate},
		"wordcount": value(func(m *machine, v any) any { return wordCount(m.string(v)) }),
		"format": {params: []string{"value", "a", "b", "c", "d", "e", "f"}, required: 1, call: func(m *machine, a []any) any {
			given := slices.DeleteFunc(a[1:], func(v any) bool { return v == any(missing{}) })
			return format(m, m.string(a[0]), &list{given, true})
		}},
		"urlencode": text(urlEncode),
		"tojson": {params: []string{"value", "ensure_ascii", "indent", "separators", "sort_keys"}, required: 1,
			call: toJSON},
		"abs": value(func(m *machine, v any) any {
			n, ok := number(v)
			if !ok {
				m.fail("abs: want a number, had %s", kindOf(v))
			}
			if order(m, n, int64(0), 0) < 0 {
				return arithmetic(m, "-", int64(0), n)
			}
			return n
		}),
		"int":   {params: []string{"value", "default", "base"}, required: 1, call: toInt},
		"float": {params: []string{"value", "default"}, required: 1, call: toFloat},
		"round": {params: []string{"value", "precision", "method"}, required: 1, call: round},
	}
	addListFilters(value)
	named(filters)
}

func indent(m *machine, a []any) any {
	with := ""
	switch w := or(a[1], int64(4)).(type) {
	case string:
		with = w
	default:
		n := m.integer(w, "indent")
		m.made(int(max(0, min(n, maxBytes))))
		with = strings.Repeat(" ", int(max(0, min(n, maxBytes))))
	}
	s := m.string(a[0])
	m.made(len(s) + (1+strings.Count(s, "\n"))*(16+len(with)))
	lines := strings.Split(s, "\n")
	first, blank := truth(or(a[2], false)), truth(or(a[3], false))
	for i, line := range lines {
		if (i > 0 || first) && (line != "" || blank || i == 0) {
			lines[i] = with + line
		}
	}
	return strings.Join(lines, "\n")
}

// wordCount counts runs of letters, digits and underscores.
func wordCount(s string) (n int64) {
	within := false
	for _, r := range s {
		word := r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r)
		if word && !within {
			n++
		}
		within = word
	}
	return n
}

func truncate(m *machine, a []any) any {
	text, n := m.string(a[0]), int(m.integer(or(a[1], int64(255)), "truncate"))
	m.made(4 * len(text))
	s, end := []rune(text), []rune(m.plain(or(a[3], "..."), "truncate"))
	leeway := or(a[4], nil)
	if leeway == nil {
		leeway = int64(5)
	}
	if n < len(end) {
		m.fail("truncate: want a length of at least %d, had %d", len(end), n)
	}
	if n >= len(s) || len(s)-n <= int(m.integer(leeway, "truncate")) {
		return text
	}
	cut := string(s[:n-len(end)])
	if i := strings.LastIndexByte(cut, ' '); i >= 0 && !truth(or(a[2], false)) {
		cut = cut[:i]
	}
	return cut + string(end)
}

func urlEncode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_.-~/", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString("%" + strings.ToUpper(strconv.FormatUint(0x100+uint64(c), 16)[1:]))
	}
	return b.String()
}

func toJSON(m *machine, a []any) any {
	o := &dumping{item: ", ", key: ": ", ascii: truth(or(a[1], false)), sorted: truth(or(a[4], false))}
	switch by := or(a[2], nil).(type) {
	case nil:
	case string:
		o.indent, o.lines, o.item = by, true, ","
	default:
		n := int(max(0, min(m.integer(by, "indent"), maxBytes)))
		m.made(n)
		o.indent, o.lines, o.item = strings.Repeat(" ", n), true, ","
	}
	if by := or(a[3], nil); by != nil {
		pair := m.items(by)
		if len(pair) != 2 {
			m.fail("tojson: want two separators, had %d", len(pair))
		}
		o.item, o.key = m.plain(pair[0], "separators"), m.plain(pair[1], "separators")
	}
	var b strings.Builder
	m.dump(&b, a[0], o, 0)
	return m.text(b.String())
}

func toInt(m *machine, a []any) any {
	switch v := a[0].(type) {
	case string:
		s := strings.ReplaceAll(strings.TrimFunc(v, pythonSpace), "_", "")
		if n, err := strconv.ParseInt(s, int(min(max(m.integer(or(a[2], int64(10)), "int"), 2), 36)), 64); err == nil {
			return n
		}
		if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<63 {
			return int64(f)
		}
	case float64:
		if math.Abs(v) < 1<<63 {
			return int64(v)
		}
	default:
		if n, ok := number(v); ok {
			return n
		}
	}
	return or(a[1], int64(0))
}

func toFloat(_ *machine, a []any) any {
	if s, ok := a[0].(string); ok {
		if f, err := strconv.ParseFloat(strings.TrimFunc(s, pythonSpace), 64); err == nil {
			return f
		}
	} else if n, ok := number(a[0]); ok {
		return asFloat(n)
	}
	return or(a[1], 0.0)
}

func round(m *machine, a []any) any {
	n, ok := number(a[0])
	if !ok {
		m.fail("round: want a number, had %s", kindOf(a[0]))
	}
	f, digits, how := asFloat(n), m.integer(or(a[1], int64(0)), "precision"), or(a[2], "common")
	_, whole := n.(int64)
	if whole && how == "common" && digits >= 0 {
		return n
	}
	scale := math.Pow(10, float64(digits))
	switch how {
	case "ceil":
		return math.Ceil(f*scale) / scale
	case "floor":
		return math.Floor(f*scale) / scale
	case "common":
		if digits < 0 {
			unit := math.Pow(10, float64(min(-digits, 300)))
			f = math.RoundToEven(f/unit) * unit
			if whole {
				return int64(f)
			}
			return f
		}
		rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', int(min(digits, 300)), 64), 64)
		if err != nil {
			return f
		}
		return rounded
	}
	m.fail("round: want common, ceil or floor")
	return nil
}
