package jinja

import (
	"fmt"
	"strings"
	"time"
)

// globals are the functions that a template may call.
var globals map[string]*builtin

func init() {
	globals = named(map[string]*builtin{
		"range": {params: []string{"start", "stop", "step"}, required: 1, call: rangeList},
		"dict":  {}, "namespace": {}, // fieldsOf
		"raise_exception": {params: []string{"message"}, required: 1, call: func(m *machine, a []any) any {
			m.fail("the template refuses this: %.1000s", m.string(a[0]))
			return nil
		}},
		"strftime_now": {params: []string{"format"}, required: 1, call: func(m *machine, a []any) any {
			return strftime(m, m.plain(a[0], "strftime_now"), m.now())
		}},
		"joiner": {params: []string{"sep"}, call: joiner},
		"cycler": {list: true, call: cycler},
	})
}

// named gives functions the names that they are known by.
func named(all map[string]*builtin) map[string]*builtin {
	for name, f := range all {
		f.name = name
	}
	return all
}

// fieldsOf makes a namespace or dict of a dict and of arguments with names.
func fieldsOf(m *machine, f *builtin, positional []any, names []string, values []any) any {
	d := newDict()
	for i, v := range positional {
		from, ok := v.(*dict)
		if !ok || i > 0 {
			m.fail("%s: want one dict, or arguments with names, had %s", f.name, kindOf(v))
		}
		for i, k := range from.keys {
			d.set(k, from.values[i])
		}
	}
	for i, name := range names {
		d.set(name, values[i])
	}
	m.made(64 * len(d.keys))
	if f.name == "dict" {
		return d
	}
	n := &namespace{values: map[string]any{}}
	for i, k := range d.keys {
		n.set(m, m.plain(k, "namespace"), d.values[i])
	}
	return n
}

// rangeList is Python's range.
func rangeList(m *machine, a []any) any {
	start, stop, step := int64(0), m.integer(a[0], "range"), int64(1)
	if a[1] != any(missing{}) {
		start, stop = stop, m.integer(a[1], "range")
	}
	if a[2] != any(missing{}) {
		step = m.integer(a[2], "range")
	}
	if step == 0 {
		m.fail("range: want a step other than 0")
	}
	count := uint64(0) // differences of 64 bits are right without a sign
	if step > 0 && start < stop {
		count = (uint64(stop-start)-1)/uint64(step) + 1
	} else if step < 0 && start > stop {
		count = (uint64(start-stop)-1)/uint64(-step) + 1
	}
	if count > maxRange {
		m.fail("range: want at most %d numbers, had %d", maxRange, count)
	}
	items := make([]any, count)
	for i := range items {
		items[i] = start + int64(i)*step
	}
	return m.list(items)
}

// joiner is empty the first time it is called and then sep.
func joiner(m *machine, a []any) any {
	sep, used := m.plain(or(a[0], ", "), "joiner"), false
	return &builtin{name: "joiner", call: func(*machine, []any) any {
		if !used {
			used = true
			return ""
		}
		return sep
	}}
}

// cycler gives its arguments one after the other, again and again.
func cycler(m *machine, a []any) any {
	items, at := a[0].(*list).items, 0
	if len(items) == 0 {
		m.fail("cycler: want a value, had none")
	}
	n := &namespace{values: map[string]any{}}
	n.set(m, "current", items[0])
	n.set(m, "next", &builtin{name: "cycler.next", call: func(*machine, []any) any {
		v := items[at]
		at = (at + 1) % len(items)
		n.values["current"] = items[at]
		return v
	}})
	n.set(m, "reset", &builtin{name: "cycler.reset", call: func(*machine, []any) any {
		at = 0
		n.values["current"] = items[0]
		return nil
	}})
	return n
}

// strftime writes a time in C's locale.
func strftime(m *machine, format string, t time.Time) string {
	layouts := map[string]string{"a": "Mon", "A": "Monday", "b": "Jan", "h": "Jan", "B": "January", "d": "02", "-d": "2",
		"e": "_2", "m": "01", "-m": "1", "y": "06", "Y": "2006", "H": "15", "I": "03", "-I": "3", "M": "04", "S": "05",
		"p": "PM", "z": "-0700", "Z": "MST", "F": "2006-01-02", "T": "15:04:05", "D": "01/02/06", "R": "15:04", "j": "002",
		"c": "Mon Jan _2 15:04:05 2006", "x": "01/02/06", "X": "15:04:05"}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		rest := format[i+1:]
		n := 1
		if strings.HasPrefix(rest, "-") {
			n = 2
		}
		code := rest[:min(n, len(rest))]
		layout, ok := layouts[code]
		switch {
		case code == "%":
			b.WriteByte('%')
		case code == "-H":
			fmt.Fprint(&b, t.Hour())
		case code == "z" || code == "Z":
			// A time of Python's datetime.now has no zone.
		case ok:
			b.WriteString(t.Format(layout))
		default:
			m.fail("strftime_now: want a format such as %%Y-%%m-%%d, had %%%.10s", rest)
		}
		i += len(code)
	}
	return m.text(b.String())
}
