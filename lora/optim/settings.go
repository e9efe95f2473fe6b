package optim

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Settings say which optimizer is wanted. Beta1, Beta2 and Eps are those that transformers calls adam_beta1, adam_beta2
// and adam_epsilon; Lion reads the betas too.
type Settings struct {
	Name              string // as transformers spells it; empty means adamw_torch
	Beta1, Beta2, Eps float64
	WeightDecay       float64
	Args              map[string]string // transformers' optim_args
}

// aliases are further names: on one device they all mean the same arithmetic. What is paged elsewhere is not here.
var aliases = map[string]string{"": "adamw_torch", "adamw": "adamw_torch", "adamw_torch_fused": "adamw_torch",
	"adamw_hf": "adamw_torch", "paged_adamw_32bit": "adamw_torch", "paged_adamw": "adamw_torch", "lion": "lion_32bit",
	"paged_lion_32bit": "lion_32bit", "paged_lion": "lion_32bit"}

var builders = map[string]func(s Settings, a *args) Rule{
	"adamw_torch": newAdamW, "sgd": newSGD, "adafactor": newAdafactor, "lion_32bit": newLion,
}

// Names lists the optimizers there are, sorted, without other names of the same.
func Names() []string { return slices.Sorted(maps.Keys(builders)) }

// Canonical returns the name that Names has for an optimizer, or name itself if there is none.
func Canonical(name string) string {
	if full, ok := aliases[name]; ok {
		return full
	}
	return name
}

// New returns the optimizer of s. An unknown name or argument is an error.
func New(s Settings) (Rule, error) {
	s.Name = Canonical(s.Name)
	build, ok := builders[s.Name]
	if !ok {
		return nil, fmt.Errorf("want one of %s, have %s%s", strings.Join(Names(), ", "), s.Name, advice(s.Name))
	}
	a := &args{name: s.Name, values: s.Args, known: map[string]bool{}}
	r := build(s, a)
	return r, a.finish()
}

// advice says what to take in place of optimizers that people name and that are not here.
func advice(name string) string {
	for _, known := range []string{"adamw", "lion"} {
		if strings.Contains(name, known) && strings.Contains(name, "bit") {
			return fmt.Sprintf(": an adapter's moments are small, and are kept in 32 bits: take %s",
				map[string]string{"adamw": "adamw_torch", "lion": "lion_32bit"}[known])
		}
	}
	return ""
}

// ParseArgs reads transformers' optim_args: "momentum=0.9,nesterov=true".
func ParseArgs(text string) (map[string]string, error) {
	all := map[string]string{}
	for part := range strings.SplitSeq(strings.ReplaceAll(text, " ", ""), ",") {
		if part == "" {
			continue
		}
		key, value, ok := strings.Cut(part, "=")
		if !ok || key == "" || value == "" {
			return nil, fmt.Errorf("want name=value,…, have %q", part)
		}
		if _, twice := all[key]; twice {
			return nil, fmt.Errorf("want each argument once, have %s again", key)
		}
		all[key] = value
	}
	return all, nil
}

// args reads the arguments of one optimizer and keeps the first error; what nobody asked for is unknown.
type args struct {
	name   string
	values map[string]string
	known  map[string]bool
	err    error
}

func (a *args) fail(format string, v ...any) {
	if a.err == nil {
		a.err = fmt.Errorf(a.name+": "+format, v...)
	}
}

// float returns a number that must be at least least and below most.
func (a *args) float(key string, otherwise, least, most float64) float64 {
	a.known[key] = true
	text, ok := a.values[key]
	if !ok {
		return otherwise
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= least && v < most) {
		want := fmt.Sprintf("a number of at least %v and below %v", least, most)
		if math.IsInf(most, 1) {
			want = fmt.Sprintf("a number of at least %v", least)
		}
		a.fail("%s: want %s, have %q", key, want, text)
		return otherwise
	}
	return v
}

func (a *args) bool(key string, otherwise bool) bool {
	a.known[key] = true
	switch text := strings.ToLower(a.values[key]); text {
	case "":
		return otherwise
	case "true", "1", "yes":
		return true
	case "false", "0", "no":
		return false
	default:
		a.fail("%s: want true or false, have %q", key, text)
		return otherwise
	}
}

func (a *args) finish() error {
	if a.values["weight_decay"] != "" && !a.known["weight_decay"] {
		a.fail("weight_decay: want it as the setting of that name, have it as an argument")
	}
	for _, key := range slices.Sorted(maps.Keys(a.values)) {
		if !a.known[key] {
			takes := "no arguments"
			if len(a.known) > 0 {
				takes = "arguments " + strings.Join(slices.Sorted(maps.Keys(a.known)), ", ")
			}
			a.fail("want %s, have %s", takes, key)
		}
	}
	return a.err
}
