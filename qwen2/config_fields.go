package qwen2

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
)

// Limits of the JSON files of a checkpoint; published ones are a few kilobytes.
const (
	maxConfigBytes = 1 << 20
	maxConfigDepth = 16
)

// configFields reads a JSON object by exact key and gathers everything wrong with it. A null is an absent value, as
// Python's None is to transformers.
type configFields struct {
	values   map[string]json.RawMessage
	prefix   string // what leads to this object, "rope_parameters." say
	problems *[]string
}

// parseFields decodes the object data, which strictjson has accepted.
func parseFields(data []byte) (configFields, error) {
	f := configFields{problems: new([]string)}
	if err := json.Unmarshal(data, &f.values); err != nil {
		return f, fmt.Errorf("want an object: %w", err)
	}
	if f.values == nil {
		return f, errors.New("want an object, have null")
	}
	return f, nil
}

// err returns all problems as one error, a line each when there are several.
func (f configFields) err() error {
	switch p := *f.problems; len(p) {
	case 0:
		return nil
	case 1:
		return errors.New(p[0])
	default:
		return fmt.Errorf("%d problems:\n  %s", len(p), strings.Join(p, "\n  "))
	}
}

// fail notes a problem of key.
func (f configFields) fail(key, format string, args ...any) {
	*f.problems = append(*f.problems, f.prefix+key+": "+fmt.Sprintf(format, args...))
}

func (f configFields) has(key string) bool {
	raw, ok := f.values[key]
	return ok && string(raw) != "null"
}

// show returns the value of key as it stands in the file, shortened.
func (f configFields) show(key string) string {
	const most = 80
	if s := string(f.values[key]); len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return string(f.values[key])
}

// decode fills v from key when it is there and tells whether it did.
func (f configFields) decode(key, want string, v any) bool {
	if !f.has(key) {
		return false
	}
	if err := json.Unmarshal(f.values[key], v); err != nil {
		f.fail(key, "want %s, have %s", want, f.show(key))
		return false
	}
	return true
}

// whole returns the integer key, def when it is absent. Values outside [least, most] are problems.
func (f configFields) whole(key string, def, least, most int) int {
	var n int64
	if !f.decode(key, "a whole number", &n) {
		return def
	}
	if n < int64(least) || n > int64(most) {
		f.fail(key, "want %d to %d, have %d", least, most, n)
		return def
	}
	return int(n)
}

// size is whole for a key that must be there.
func (f configFields) size(key string, most int) int {
	if !f.has(key) {
		f.fail(key, "missing")
		return 0
	}
	return f.whole(key, 0, 1, most)
}

// number returns the finite number key, def when it is absent. Values outside [least, most] are problems.
func (f configFields) number(key string, def, least, most float64) float64 {
	var x float64
	if !f.decode(key, "a number", &x) {
		return def
	}
	if !(x >= least && x <= most) {
		f.fail(key, "want %g to %g, have %g", least, most, x)
		return def
	}
	return x
}

// positive is number over (0, most].
func (f configFields) positive(key string, def, most float64) float64 {
	return f.number(key, def, math.SmallestNonzeroFloat64, most)
}

func (f configFields) truth(key string, def bool) bool {
	f.decode(key, "true or false", &def)
	return def
}

func (f configFields) text(key, def string) string {
	f.decode(key, "a string", &def)
	return def
}

// object returns the fields of the object key, none when it is absent.
func (f configFields) object(key string) configFields {
	inner := configFields{prefix: f.prefix + key + ".", problems: f.problems}
	f.decode(key, "an object", &inner.values)
	return inner
}

// token returns the token id key, -1 when it is absent.
func (f configFields) token(key string, vocab int) int {
	if vocab == 0 { // The vocabulary's size is a problem already.
		vocab = math.MaxInt32
	}
	return f.whole(key, -1, 0, vocab-1)
}

// tokens returns the ids of key, which is a token id or a list of them, nil when it is absent.
func (f configFields) tokens(key string, vocab int) []int {
	if !f.has(key) {
		return nil
	}
	var ids []int64
	if json.Unmarshal(f.values[key], &ids) != nil {
		if id := f.token(key, vocab); id >= 0 {
			return []int{id}
		}
		return nil
	}
	out := make([]int, len(ids))
	for i, id := range ids {
		if id < 0 || vocab > 0 && id >= int64(vocab) {
			f.fail(key, "want ids from 0 to %d, have %d", vocab-1, id)
			return nil
		}
		out[i] = int(id)
	}
	return out
}
