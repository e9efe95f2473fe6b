package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/vulora/vulora/qwen2/strictjson"
)

// pythonJSON writes the JSON document raw as Jinja's tojson does in transformers, that is as Python's
// json.dumps(json.loads(raw), ensure_ascii=False): keys in their order, ", " and ": " between, characters unescaped but
// for quotes, backslashes and controls, floats as repr writes them.
func pythonJSON(raw json.RawMessage) (string, error) {
	if len(raw) == 0 {
		return "", errors.New("want JSON, had nothing")
	}
	if err := strictjson.Check(raw, maxDepth); err != nil {
		return "", err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var b strings.Builder
	err := writeValue(&b, d)
	return b.String(), err
}

// writeValue writes the next value of d, whose depth has been checked.
func writeValue(b *strings.Builder, d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch v := token.(type) {
	case json.Delim:
		return writeNested(b, d, v)
	case string:
		writeString(b, v)
	case json.Number:
		text, err := pythonNumber(v.String())
		if err != nil {
			return err
		}
		b.WriteString(text)
	case bool:
		b.WriteString(strconv.FormatBool(v))
	default:
		b.WriteString("null")
	}
	return nil
}

func writeNested(b *strings.Builder, d *json.Decoder, open json.Delim) error {
	b.WriteRune(rune(open))
	for first := true; d.More(); first = false {
		if !first {
			b.WriteString(", ")
		}
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return err
			}
			text, _ := key.(string)
			writeString(b, text)
			b.WriteString(": ")
		}
		if err := writeValue(b, d); err != nil {
			return err
		}
	}
	end, err := d.Token()
	if err != nil {
		return err
	}
	fmt.Fprint(b, end)
	return nil
}

func writeString(b *strings.Builder, s string) {
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= ' ':
			b.WriteByte(c)
		case strings.IndexByte("\b\t\n\f\r", c) >= 0:
			b.WriteByte('\\')
			b.WriteByte("btn?fr"[c-'\b'])
		default:
			fmt.Fprintf(b, `\u%04x`, c)
		}
	}
	b.WriteByte('"')
}

// pythonNumber writes a number as Python does: integers of any size as they are, floats as their shortest decimal, with
// an exponent below 1e-4 and from 1e16 on (float.__repr__).
func pythonNumber(s string) (string, error) {
	if !strings.ContainsAny(s, ".eE") {
		if s == "-0" {
			s = "0"
		}
		return s, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return "", fmt.Errorf("want a number within float64, had %.100s", s)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64), nil
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s, nil
}
