package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The walkers below go over JSON that json.Valid has accepted, without building values: the vocabulary of a tokenizer
// is an object of 150,000 members, and encoding/json needs longer for it than everything else here together.

// checkJSON tells whether data may be walked: one JSON value in UTF-8.
func checkJSON(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("want UTF-8, had other bytes")
	}
	if !json.Valid(data) {
		var v json.RawMessage
		return fmt.Errorf("want JSON: %w", json.Unmarshal(data, &v))
	}
	return nil
}

func skipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r' {
		i++
	}
	return i
}

// skipString returns the end of the string that starts at b[i].
func skipString(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// skipValue returns the end of the value that starts at b[i].
func skipValue(b []byte, i int) int {
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		for depth := 0; ; {
			switch b[i] {
			case '"':
				i = skipString(b, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
	}
	if n := bytes.IndexAny(b[i:], ",]} \n\t\r"); n >= 0 {
		return i + n
	}
	return len(b)
}

// walkObject calls visit for each member of the object raw, with the key's quotes left on.
func walkObject(raw []byte, visit func(key, value []byte) error) error {
	i := skipSpace(raw, 0)
	if raw[i] != '{' {
		return fmt.Errorf("want an object, had %.20q", raw[i:])
	}
	for i = skipSpace(raw, i+1); raw[i] != '}'; {
		k := i
		i = skipString(raw, i)
		key := raw[k:i]
		i = skipSpace(raw, skipSpace(raw, i)+1) // over the colon
		v := i
		i = skipValue(raw, i)
		if err := visit(key, raw[v:i]); err != nil {
			return err
		}
		if i = skipSpace(raw, i); raw[i] == ',' {
			i = skipSpace(raw, i+1)
		}
	}
	return nil
}

// walkArray calls visit for each element of the array raw.
func walkArray(raw []byte, visit func(value []byte) error) error {
	i := skipSpace(raw, 0)
	if raw[i] != '[' {
		return fmt.Errorf("want an array, had %.20q", raw[i:])
	}
	for i = skipSpace(raw, i+1); raw[i] != ']'; {
		v := i
		i = skipValue(raw, i)
		if err := visit(raw[v:i]); err != nil {
			return err
		}
		if i = skipSpace(raw, i); raw[i] == ',' {
			i = skipSpace(raw, i+1)
		}
	}
	return nil
}

// members returns the members of a small object. A key that appears twice is an error: readers disagree which counts.
func members(raw []byte) (map[string][]byte, error) {
	m := make(map[string][]byte)
	err := walkObject(raw, func(key, value []byte) error {
		k, err := appendString(nil, key)
		if err != nil {
			return err
		}
		if _, dup := m[string(k)]; dup {
			return fmt.Errorf("key %.100q appears twice", k)
		}
		m[string(k)] = value
		return nil
	})
	return m, err
}

// appendString appends what the JSON string raw says. An escaped half of a surrogate pair is an error.
func appendString(dst, raw []byte) ([]byte, error) {
	if len(raw) < 2 || raw[0] != '"' {
		return nil, fmt.Errorf("want a string, had %.20q", raw)
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return append(dst, raw[1:len(raw)-1]...), nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	if strings.ContainsRune(s, utf8.RuneError) {
		return nil, fmt.Errorf("string %.100q is not Unicode", raw)
	}
	return append(dst, s...), nil
}

func isNull(raw []byte) bool { return len(raw) == 0 || string(raw) == "null" }
