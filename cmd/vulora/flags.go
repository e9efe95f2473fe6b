package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// flags are those of one command, in titled groups. A flag's default is where it is defined and nowhere else.
type flags struct {
	*pflag.FlagSet
	groups []flagGroup
	config string
	// source says where a flag's value comes from: "flag", "environment" or "config"; nothing for defaults.
	source map[string]string
}

type flagGroup struct {
	title string
	set   *pflag.FlagSet
}

// synonyms are shorter names of flags.
var synonyms = map[string]string{"batch-size": "per-device-train-batch-size", "lr": "learning-rate",
	"epochs": "num-train-epochs", "lora-r": "r", "optimizer": "optim", "wd": "weight-decay"}

func newFlags() *flags {
	return &flags{FlagSet: newSet(), source: map[string]string{}}
}

func newSet() *pflag.FlagSet {
	s := pflag.NewFlagSet("", pflag.ContinueOnError)
	s.SortFlags = false
	s.Usage = func() {}
	s.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		name = strings.ReplaceAll(name, "_", "-")
		if full, ok := synonyms[name]; ok {
			name = full
		}
		return pflag.NormalizedName(name)
	})
	return s
}

// group adds flags under a title of the help text.
func (f *flags) group(title string, add func(s *pflag.FlagSet)) {
	s := newSet()
	add(s)
	f.AddFlagSet(s)
	f.groups = append(f.groups, flagGroup{title, s})
}

func (f *flags) addCommon() {
	f.group("Other flags", func(s *pflag.FlagSet) {
		s.StringVar(&f.config, "config", "", "YAML `FILE` with flags by name; the environment and flags win over it")
		s.BoolP("help", "h", false, "this text")
	})
}

// given tells whether a flag was set by any source.
func (f *flags) given(name string) bool { return f.source[name] != "" }

// parse reads the command line.
func (f *flags) parse(args []string) (help bool, err error) {
	err = f.Parse(f.positive(args))
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return true, nil
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		name := "--" + unknown.GetSpecifiedName()
		return false, usagef("unknown flag %s%s", name, didYouMean("--", unknown.GetSpecifiedName(), f.names()))
	case errors.As(err, &invalid):
		return false, usagef("--%s: %s", invalid.GetFlag().Name, wanted(invalid.GetFlag(), invalid.GetValue(),
			invalid.Unwrap()))
	case err != nil:
		return false, usagef("%s", err)
	}
	f.Visit(func(g *pflag.Flag) { f.source[g.Name] = "flag" })
	help, _ = f.GetBool("help")
	return help, nil
}

// positive writes --no-NAME of a boolean flag as --NAME=false.
func (f *flags) positive(args []string) []string {
	args = slices.Clone(args)
	for i, a := range args {
		if a == "--" {
			break
		}
		if name, ok := strings.CutPrefix(strings.ReplaceAll(a, "_", "-"), "--no-"); ok {
			if g := f.Lookup(name); g != nil && g.Value.Type() == "bool" {
				args[i] = "--" + name + "=false"
			}
		}
	}
	return args
}

func (f *flags) names() (names []string) {
	f.VisitAll(func(g *pflag.Flag) { names = append(names, g.Name) })
	for short := range synonyms {
		if f.Lookup(short) != nil {
			names = append(names, short)
		}
	}
	return names
}

// wanted says what is wrong with the value of a flag.
func wanted(g *pflag.Flag, value string, cause error) string {
	kinds := map[string]string{"int": "a whole number", "uint64": "a whole number of at least 0", "float64": "a number",
		"bool": "true or false"}
	if kind, ok := kinds[g.Value.Type()]; ok {
		return fmt.Sprintf("want %s, have %q", kind, value)
	}
	return cause.Error()
}

// choice is a flag with a few possible values.
type choice struct {
	value   *string
	choices []string
	refused map[string]string // what to say to values that others have
}

func (c choice) String() string {
	if c.value == nil { // pflag asks the zero value
		return ""
	}
	return *c.value
}
func (c choice) Type() string { return strings.Join(c.choices, "|") }
func (c choice) Set(s string) error {
	if why, ok := c.refused[s]; ok {
		return fmt.Errorf("want %s, have %q: %s", strings.Join(c.choices, ", "), s, why)
	}
	if !slices.Contains(c.choices, s) {
		return fmt.Errorf("want %s, have %q%s", strings.Join(c.choices, ", "), s, didYouMean("", s, c.choices))
	}
	*c.value = s
	return nil
}

// choose adds a flag whose values are choices; the first is the default.
func choose(s *pflag.FlagSet, p *string, name, usage string, choices ...string) {
	*p = choices[0]
	s.Var(choice{value: p, choices: choices}, name, usage)
}

// didYouMean suggests the name nearest to what was written, or nothing.
func didYouMean(prefix, have string, names []string) string {
	have = strings.ReplaceAll(strings.ToLower(have), "_", "-")
	best, least := "", max(2, len(have)/3)+1
	for _, name := range names {
		d := distance(have, name)
		if len(have) > 2 && strings.HasPrefix(name, have) {
			d = min(d, 1)
		}
		if d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %s%s?", prefix, best)
}

// distance is Levenshtein's, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
