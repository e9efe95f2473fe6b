package schedule

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// args reads the keyword arguments of one schedule and keeps the first error; what nobody asked for is unknown.
type args struct {
	schedule string
	values   map[string]any
	known    map[string]bool
	err      error
}

func (a *args) fail(format string, v ...any) {
	if a.err == nil {
		a.err = fmt.Errorf("schedule: "+a.schedule+": "+format, v...)
	}
}

func (a *args) has(key string) bool {
	a.known[key] = true
	return a.values[key] != nil
}

func (a *args) float(key string, otherwise float64) float64 {
	if !a.has(key) {
		return otherwise
	}
	var f float64
	switch v := a.values[key].(type) {
	case float64:
		f = v
	case float32:
		f = float64(v)
	case int:
		f = float64(v)
	case int64:
		f = float64(v)
	default:
		a.fail("%s: want a number, have %T", key, v)
		return otherwise
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		a.fail("%s: want a finite number, have %v", key, f)
	}
	return f
}

// steps is a whole number of at least 0.
func (a *args) steps(key string, otherwise int) int {
	f := a.float(key, float64(otherwise))
	if f != math.Trunc(f) || f < 0 || f > math.MaxInt32 {
		a.fail("%s: want a whole number of steps, have %v", key, f)
		return otherwise
	}
	return int(f)
}

// choice is one of the names, the first by default.
func (a *args) choice(key string, names ...string) string {
	if !a.has(key) {
		return names[0]
	}
	s, ok := a.values[key].(string)
	if !ok || !slices.Contains(names, s) {
		a.fail("%s: want one of %s, have %v", key, strings.Join(names, ", "), a.values[key])
		return names[0]
	}
	return s
}

func (a *args) finish() error {
	var unknown []string
	for key := range a.values {
		if !a.known[key] {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		a.fail("unknown arguments: %s", strings.Join(unknown, ", "))
	}
	return a.err
}
