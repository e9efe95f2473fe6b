package jinja

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Value is what a template sees: see FromJSON.
type Value struct{ of any }

// FromJSON reads a JSON document as Python's json.loads does: the keys of objects keep their order, integers of any
// size stay what they are. Depth and repeated keys are the caller's to check.
func FromJSON(raw []byte) (Value, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := readValue(d)
	return Value{v}, err
}

// ToJSON writes a value as Python's json.dumps(v, ensure_ascii=False).
func ToJSON(v Value) (text string, err error) {
	m := newMachine(nil, 1<<40)
	defer caught("tojson", &err)
	var b strings.Builder
	m.dump(&b, v.of, &dumping{item: ", ", key: ": "}, 0)
	return b.String(), nil
}

func readValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Number:
		return readNumber(t.String())
	case json.Delim:
		if t == '[' {
			l := new(list)
			for d.More() {
				v, err := readValue(d)
				if err != nil {
					return nil, err
				}
				l.items = append(l.items, v)
			}
			_, err = d.Token()
			return l, err
		}
		o := newDict()
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := readValue(d)
			if err != nil {
				return nil, err
			}
			o.set(k, v)
		}
		_, err = d.Token()
		return o, err
	}
	return token, nil
}

func readNumber(s string) (any, error) {
	if strings.ContainsAny(s, ".eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, fmt.Errorf("want a number within float64, had %.100s", s)
		}
		return f, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	return bigInt(s), nil
}

// dumping is how JSON is written.
type dumping struct {
	item, key string // separators
	indent    string
	lines     bool // each item on its own
	ascii     bool
	sorted    bool
}

// dump writes JSON.
func (m *machine) dump(b *strings.Builder, v any, o *dumping, depth int) {
	m.step(1)
	if depth > maxDepth {
		m.fail("tojson: want values nested at most %d deep, had more", maxDepth)
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case bigInt:
		m.made(len(v))
		b.WriteString(string(v))
	case float64:
		switch {
		case math.IsNaN(v):
			b.WriteString("NaN")
		case math.IsInf(v, 0):
			b.WriteString(map[bool]string{true: "Infinity", false: "-Infinity"}[v > 0])
		default:
			b.WriteString(floatText(v))
		}
	case string:
		m.made(len(v))
		dumpString(b, v, o.ascii)
	case *list:
		m.dumpAll(b, "[", "]", len(v.items), o, depth, func(i int) { m.dump(b, v.items[i], o, depth+1) })
	case *dict:
		order := make([]any, len(v.keys))
		copy(order, v.keys)
		if o.sorted {
			sortValues(m, order, func(v any) any { return v }, false)
		}
		m.dumpAll(b, "{", "}", len(order), o, depth, func(i int) {
			value, _ := v.get(order[i])
			m.dumpKey(b, order[i], o)
			m.made(len(o.key))
			b.WriteString(o.key)
			m.dump(b, value, o, depth+1)
		})
	default:
		m.fail("tojson: want text, a number, a list or a dict, had %s", kindOf(v))
	}
}

// dumpAll writes n items between brackets.
func (m *machine) dumpAll(b *strings.Builder, open, shut string, n int, o *dumping, depth int, one func(i int)) {
	line := ""
	if o.lines && n > 0 {
		line = "\n" + strings.Repeat(o.indent, depth+1)
		m.made(len(line) * n)
	}
	b.WriteString(open)
	for i := range n {
		if i > 0 {
			m.made(len(o.item))
			b.WriteString(o.item)
		}
		b.WriteString(line)
		one(i)
	}
	if line != "" {
		b.WriteString(line[:len(line)-len(o.indent)])
	}
	b.WriteString(shut)
}

// dumpKey writes a key, which JSON wants to be a string.
func (m *machine) dumpKey(b *strings.Builder, k any, o *dumping) {
	if s, ok := k.(string); ok {
		m.made(len(s))
		dumpString(b, s, o.ascii)
		return
	}
	b.WriteByte('"')
	m.dump(b, k, o, 0)
	b.WriteByte('"')
}

func dumpString(b *strings.Builder, s string, ascii bool) {
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' && strings.IndexByte("\b\t\n\f\r", byte(r)) >= 0:
			b.WriteByte('\\')
			b.WriteByte("btn?fr"[r-'\b'])
		case r >= 0x10000 && ascii:
			r -= 0x10000
			fmt.Fprintf(b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		case r < ' ' || r > '~' && ascii:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}
