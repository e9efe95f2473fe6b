package peft

import (
	"errors"
	"fmt"
	"math"
)

// Version is the PEFT release whose files this package writes.
const Version = "0.21.2"

// MaxRank bounds r: no weight of a known model has more rows, and a file shall not ask for more memory than that.
const MaxRank = 1 << 16

// Bias says which bias vectors are trained.
type Bias string

// The settings of bias: none, those of the targeted modules, or all of the model.
const (
	BiasNone     Bias = "none"
	BiasLoraOnly Bias = "lora_only"
	BiasAll      Bias = "all"
)

// InitKind says how A and B begin.
type InitKind string

// The settings of init_lora_weights: true, false and "gaussian". Other names of PEFT's are kept as they are and
// refused by [Config.Supported].
const (
	InitDefault  InitKind = "true"
	InitRandom   InitKind = "false"
	InitGaussian InitKind = "gaussian"
)

// Number is a Python number: an int and a float of the same value are written differently.
type Number struct {
	Value float64
	Float bool
}

// Int is a Python int.
func Int(n int) Number { return Number{Value: float64(n)} }

// Float is a Python float.
func Float(f float64) Number { return Number{Value: f, Float: true} }

// Modules names modules by a list of names or by one string, which is a regular expression or "all-linear".
// The zero value is null.
type Modules struct {
	Names   []string // exact names or their last parts; not nil for an empty list
	Pattern string

	asRead bool // the order of Names is that of a file and is kept
}

func (m Modules) isNull() bool { return m.Names == nil && m.Pattern == "" }

// Entry is one key of a rank or alpha pattern. The key is a regular expression for the end of a module's name.
type Entry[T any] struct {
	Key   string
	Value T
}

// Config is adapter_config.json of a LoRA adapter, with PEFT's names. Begin with [Default] or [Parse]: a rank of 0 is
// an error.
type Config struct {
	BaseModel string // base_model_name_or_path; empty is null
	Revision  string // empty is null
	TaskType  string // empty is null

	R           int
	LoraAlpha   Number // lora_alpha
	LoraDropout Number // lora_dropout, in [0, 1)
	RSLora      bool   // use_rslora
	Bias        Bias
	Init        InitKind // init_lora_weights

	Targets  Modules // target_modules; null is q_proj and v_proj, PEFT's choice for Qwen2
	Excluded Modules // exclude_modules

	RankPattern  []Entry[int]
	AlphaPattern []Entry[Number]

	Layers        []int   // layers_to_transform; nil is all
	LayersPattern Modules // layers_pattern, the names before the layer's number

	oneLayer bool           // layers_to_transform was a number, not a list
	other    map[string]any // the keys that are only kept, as encoding/json decodes them with UseNumber
}

// Default has PEFT's defaults, for a causal language model.
func Default() Config {
	return Config{
		TaskType: "CAUSAL_LM", R: 8, LoraAlpha: Int(8), LoraDropout: Float(0), Bias: BiasNone, Init: InitDefault,
	}
}

// Validate finds settings no LoRA can have, all of them at once.
func (c *Config) Validate() error {
	var errs []error
	fail := func(format string, v ...any) { errs = append(errs, fmt.Errorf(format, v...)) }
	if c.R < 1 || c.R > MaxRank {
		fail("r: want 1 to %d, have %d", MaxRank, c.R)
	}
	if !finite(c.LoraAlpha.Value) {
		fail("lora_alpha: want a number, have %v", c.LoraAlpha.Value)
	}
	if !(c.LoraDropout.Value >= 0 && c.LoraDropout.Value < 1) {
		fail("lora_dropout: want at least 0 and less than 1, have %v", c.LoraDropout.Value)
	}
	if c.Bias != BiasNone && c.Bias != BiasLoraOnly && c.Bias != BiasAll {
		fail("bias: want none, all or lora_only, have %q", string(c.Bias))
	}
	for _, e := range c.RankPattern {
		if e.Value < 1 || e.Value > MaxRank {
			fail("rank_pattern: %q: want 1 to %d, have %d", e.Key, MaxRank, e.Value)
		}
		if _, err := suffixPattern(e.Key); err != nil {
			fail("rank_pattern: %w", err)
		}
	}
	for _, e := range c.AlphaPattern {
		if !finite(e.Value.Value) {
			fail("alpha_pattern: %q: want a number, have %v", e.Key, e.Value.Value)
		}
		if _, err := suffixPattern(e.Key); err != nil {
			fail("alpha_pattern: %w", err)
		}
	}
	errs = append(errs, c.validateTargets()...)
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("peft: config: %w", err)
	}
	return nil
}

func (c *Config) validateTargets() []error {
	var errs []error
	fail := func(format string, v ...any) { errs = append(errs, fmt.Errorf(format, v...)) }
	if c.Targets.Pattern != "" && !c.Targets.allLinear() {
		if _, err := fullPattern(c.Targets.Pattern); err != nil {
			fail("target_modules: %w", err)
		}
	}
	if c.Excluded.Pattern != "" {
		if _, err := fullPattern(c.Excluded.Pattern); err != nil {
			fail("exclude_modules: %w", err)
		}
	}
	if c.Targets.Pattern != "" && (len(c.Layers) > 0 || !c.LayersPattern.isNull()) {
		fail("layers_to_transform and layers_pattern: want target_modules as a list, have the string %q",
			c.Targets.Pattern)
	}
	if len(c.LayersPattern.list()) > 0 && len(c.Layers) == 0 {
		fail("layers_pattern: want layers_to_transform as well, have none")
	}
	for _, name := range c.LayersPattern.list() {
		if _, err := layerPattern(name); err != nil {
			fail("layers_pattern: %w", err)
		}
	}
	return errs
}

func (m Modules) list() []string {
	if m.Pattern != "" {
		return []string{m.Pattern}
	}
	return m.Names
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// Rank is the rank of a module: the value of the first key of RankPattern that fits its name, else R.
func (c *Config) Rank(module string) int { return lookup(c.RankPattern, module, c.R) }

// Alpha is lora_alpha of a module, by AlphaPattern and then LoraAlpha.
func (c *Config) Alpha(module string) float64 {
	return lookup(c.AlphaPattern, module, c.LoraAlpha).Value
}

// Scaling is what B(A(x)) is multiplied with: alpha/r, or alpha/√r for rsLoRA.
func (c *Config) Scaling(module string) float64 {
	r := float64(c.Rank(module))
	if c.RSLora {
		r = math.Sqrt(r)
	}
	return c.Alpha(module) / r
}

// lookup takes keys that do not compile as not fitting; Validate reports them.
func lookup[T any](pattern []Entry[T], module string, otherwise T) T {
	for _, e := range pattern {
		if re, err := suffixPattern(e.Key); err == nil && re.MatchString(module) {
			return e.Value
		}
	}
	return otherwise
}
