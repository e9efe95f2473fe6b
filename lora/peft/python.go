package peft

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// dump writes a value as Python's json.dumps(v, indent=2, sort_keys=True) does. It takes what encoding/json decodes to
// with UseNumber, and int, Number, []string, []int and the entries of patterns.
func dump(b *strings.Builder, v any, indent string) error {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case string:
		dumpString(b, v)
	case int:
		b.WriteString(strconv.Itoa(v))
	case Number:
		b.WriteString(v.String())
	case json.Number:
		n, err := pythonNumber(v.String())
		if err != nil {
			return err
		}
		b.WriteString(n)
	case []any:
		return dumpItems(b, '[', ']', len(v), indent, func(i int, inner string) error {
			return dump(b, v[i], inner)
		})
	case map[string]any:
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		return dumpItems(b, '{', '}', len(v), indent, func(i int, inner string) error {
			dumpString(b, keys[i])
			b.WriteString(": ")
			return dump(b, v[keys[i]], inner)
		})
	default:
		return fmt.Errorf("want a JSON value, have %T", v)
	}
	return nil
}

func dumpItems(b *strings.Builder, open, shut byte, n int, indent string, item func(i int, inner string) error) error {
	b.WriteByte(open)
	inner := indent + "  "
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n" + inner)
		if err := item(i, inner); err != nil {
			return err
		}
	}
	if n > 0 {
		b.WriteString("\n" + indent)
	}
	b.WriteByte(shut)
	return nil
}

// dumpString escapes all but printable ASCII, as ensure_ascii does.
func dumpString(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c >= ' ' && c <= '~':
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\f':
			b.WriteString(`\f`)
		case c == '\b':
			b.WriteString(`\b`)
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(b, `\u%04x`, c)
		}
	}
	b.WriteByte('"')
}

// String is the number as Python's repr writes it.
func (n Number) String() string {
	if !n.Float && n.Value == math.Trunc(n.Value) && math.Abs(n.Value) <= maxExact {
		return strconv.FormatInt(int64(n.Value), 10)
	}
	return pythonFloat(n.Value)
}

// pythonFloat has the shortest digits, and an exponent below 1e-4 and from 1e16 on.
func pythonFloat(f float64) string {
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// pythonNumber rewrites a JSON number as Python would: ints stay as they are, floats become their shortest form.
func pythonNumber(literal string) (string, error) {
	if !strings.ContainsAny(literal, ".eE") {
		if literal == "-0" {
			return "0", nil
		}
		return literal, nil
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return "", fmt.Errorf("want a number a float64 can hold, have %.40s", literal)
	}
	return pythonFloat(f), nil
}

// maxExact is up to where float64 has every integer.
const maxExact = 1 << 53

var errTooLarge = errors.New("want a number below 2^53, have a larger one")

func parseNumber(literal string) (Number, error) {
	if strings.ContainsAny(literal, ".eE") {
		f, err := strconv.ParseFloat(literal, 64)
		if err != nil {
			return Number{}, errTooLarge
		}
		return Float(f), nil
	}
	n, err := strconv.ParseInt(literal, 10, 64)
	if err != nil || n > maxExact || n < -maxExact {
		return Number{}, errTooLarge
	}
	return Int(int(n)), nil
}
