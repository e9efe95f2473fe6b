package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora/peft"
)

// adapterOptions describe a new adapter, or name one to go on with.
type adapterOptions struct {
	dir                       string
	r                         int
	alpha, dropout            float64
	targets, excluded, layers string
	bias, init                string
	rslora                    bool
	rankPattern, alphaPattern string
}

func (o *adapterOptions) add(f *flags) {
	f.group("Adapter", func(s *pflag.FlagSet) {
		s.IntVar(&o.r, "r", 8, "rank")
		s.Float64Var(&o.alpha, "lora-alpha", 16, "the adapter's output is scaled by alpha/r")
		s.Float64Var(&o.dropout, "lora-dropout", 0.05, "share of the adapter's inputs that are dropped in training")
		s.StringVar(&o.targets, "target-modules", "q_proj,k_proj,v_proj,o_proj",
			"`LIST` of names, all-linear, or a regular expression")
		s.StringVar(&o.excluded, "exclude-modules", "", "`LIST` of names or a regular expression of modules to leave out")
		choose(s, &o.bias, "bias", "which bias vectors are trained", "none", "all", "lora_only")
		s.BoolVar(&o.rslora, "use-rslora", false, "scale by alpha/sqrt(r)")
		choose(s, &o.init, "init-lora-weights", "how A begins; B begins with zeros", "default", "gaussian")
		s.StringVar(&o.rankPattern, "rank-pattern", "", "ranks of some modules as `NAME=R,...`")
		s.StringVar(&o.alphaPattern, "alpha-pattern", "", "alphas of some modules as `NAME=ALPHA,...`")
		s.StringVar(&o.layers, "layers-to-transform", "", "`LIST` of layer numbers, from 0; all if empty")
	})
}

// adapterFlags are the names of what add adds.
var adapterFlags = []string{"r", "lora-alpha", "lora-dropout", "target-modules", "exclude-modules", "bias",
	"use-rslora",
	"init-lora-weights", "rank-pattern", "alpha-pattern", "layers-to-transform"}

// givenAdapterFlags returns those that were set.
func givenAdapterFlags(f *flags) (names []string) {
	for _, n := range adapterFlags {
		if f.given(n) {
			names = append(names, "--"+n)
		}
	}
	return names
}

// config returns the adapter's configuration, checked.
func (o *adapterOptions) config() (peft.Config, error) {
	c := peft.Default()
	c.R, c.LoraAlpha, c.LoraDropout = o.r, number(o.alpha), peft.Float(o.dropout)
	c.RSLora, c.Bias = o.rslora, peft.Bias(o.bias)
	c.Init = map[string]peft.InitKind{"default": peft.InitDefault, "gaussian": peft.InitGaussian}[o.init]
	c.Targets, c.Excluded = modules(o.targets), modules(o.excluded)
	if o.targets == "" {
		return c, usagef("--target-modules: want at least one name, have none")
	}
	for _, e := range entries(o.rankPattern) {
		r, err := strconv.Atoi(e[1])
		if err != nil {
			return c, usagef("--rank-pattern: want NAME=R with a whole number, have %q", e[0]+"="+e[1])
		}
		c.RankPattern = append(c.RankPattern, peft.Entry[int]{Key: e[0], Value: r})
	}
	for _, e := range entries(o.alphaPattern) {
		a, err := strconv.ParseFloat(e[1], 64)
		if err != nil {
			return c, usagef("--alpha-pattern: want NAME=ALPHA with a number, have %q", e[0]+"="+e[1])
		}
		c.AlphaPattern = append(c.AlphaPattern, peft.Entry[peft.Number]{Key: e[0], Value: number(a)})
	}
	for _, l := range splitList(o.layers) {
		n, err := strconv.Atoi(l)
		if err != nil || n < 0 {
			return c, usagef("--layers-to-transform: want layer numbers from 0, have %q", l)
		}
		c.Layers = append(c.Layers, n)
	}
	if err := c.Validate(); err != nil {
		return c, flagMistake(err)
	}
	return c, nil
}

// flagMistake is what peft finds wrong with a configuration that flags have made, under the flags' names.
func flagMistake(err error) error {
	lines := strings.Split(strings.TrimPrefix(plain(err.Error()), "config: "), "\n")
	for i, line := range lines {
		field, rest, _ := strings.Cut(line, ":")
		if name := strings.ReplaceAll(field, "_", "-"); slices.Contains(adapterFlags, name) {
			lines[i] = "--" + name + ":" + rest
		}
	}
	return usagef("%s", strings.Join(lines, "\n"))
}

// number is a Python int where it can be: that is how people write alpha.
func number(x float64) peft.Number {
	if n := int(x); float64(n) == x {
		return peft.Int(n)
	}
	return peft.Float(x)
}

// nameList is a list of module names, whole ones with dots among them; anything else is a regular expression.
var nameList = regexp.MustCompile(`^[\w.-]+(,[\w.-]+)*$`)

func modules(s string) peft.Modules {
	switch {
	case s == "":
		return peft.Modules{}
	case strings.EqualFold(s, peft.AllLinear) || !nameList.MatchString(strings.ReplaceAll(s, " ", "")):
		return peft.Modules{Pattern: s}
	}
	return peft.Modules{Names: splitList(s)}
}

func splitList(s string) (parts []string) {
	for _, p := range strings.Split(s, ",") {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}

// entries splits NAME=VALUE,… at the last = of each, since names are regular expressions.
func entries(s string) (all [][2]string) {
	for _, p := range splitList(s) {
		at := strings.LastIndexByte(p, '=')
		if at < 0 {
			all = append(all, [2]string{p, ""})
			continue
		}
		all = append(all, [2]string{p[:at], p[at+1:]})
	}
	return all
}
