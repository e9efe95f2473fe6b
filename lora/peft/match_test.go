package peft

import (
	"math"
	"slices"
	"strings"
	"testing"
)

var qwen = func() (modules []string) {
	for _, layer := range []string{"0", "1", "2", "10"} {
		for _, name := range []string{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
			"mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"} {
			modules = append(modules, "model.layers."+layer+"."+name)
		}
	}
	return append(modules, "lm_head")
}()

func with(change func(c *Config)) *Config {
	c := Default()
	change(&c)
	return &c
}

func TestMatch(t *testing.T) {
	names := func(n ...string) Modules { return Modules{Names: n} }
	for _, c := range []struct {
		name      string
		config    *Config
		count     int
		first     string
		unmatched []string
	}{
		{"default", with(func(c *Config) {}), 8, "model.layers.0.self_attn.q_proj", nil},
		{"seed", with(func(c *Config) {
			c.Targets = names("c_proj", "c_attn", "q_proj", "v_proj", "o_proj", "k_proj")
		}), 16, "model.layers.0.self_attn.q_proj", []string{"c_proj", "c_attn"}},
		{"not a part of a name", with(func(c *Config) { c.Targets = names("proj", "down_proj") }),
			4, "model.layers.0.mlp.down_proj", []string{"proj"}},
		{"all-linear", with(func(c *Config) { c.Targets.Pattern = "All-Linear" }),
			28, "model.layers.0.self_attn.q_proj", nil},
		{"head by name", with(func(c *Config) { c.Targets = names("lm_head") }), 1, "lm_head", nil},
		{"regular expression", with(func(c *Config) { c.Targets.Pattern = `.*\.(1|10)\.mlp\.(up|down)_proj` }),
			4, "model.layers.1.mlp.up_proj", nil},
		{"the whole name", with(func(c *Config) { c.Targets.Pattern = `.*0\.self_attn.q_proj\Z|q` }),
			2, "model.layers.0.self_attn.q_proj", nil},
		{"excluded names", with(func(c *Config) {
			c.Targets.Pattern, c.Excluded = AllLinear, names("q_proj", "model.layers.0.self_attn.k_proj", "0")
		}), 23, "model.layers.0.self_attn.v_proj", nil},
		{"excluded pattern", with(func(c *Config) {
			c.Targets, c.Excluded.Pattern = names("q_proj"), `.*\.[0-9]\..*`
		}), 1, "model.layers.10.self_attn.q_proj", nil},
		{"layers", with(func(c *Config) { c.Targets, c.Layers = names("q_proj"), []int{1, 10, 99} }),
			2, "model.layers.1.self_attn.q_proj", nil},
		{"layers and a full name", with(func(c *Config) {
			c.Targets, c.Layers = names("q_proj", "model.layers.0.self_attn.v_proj"), []int{1}
		}), 2, "model.layers.0.self_attn.v_proj", nil},
		{"layers pattern", with(func(c *Config) {
			c.Targets, c.Layers, c.LayersPattern = names("q_proj"), []int{2}, names("h", "layers")
		}), 1, "model.layers.2.self_attn.q_proj", nil},
	} {
		targets, unmatched, err := Match(c.config, qwen)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if len(targets) != c.count || targets[0] != c.first || !slices.Equal(unmatched, c.unmatched) {
			t.Errorf("%s: want %d from %s on, unmatched %v, have %v, unmatched %v",
				c.name, c.count, c.first, c.unmatched, targets, unmatched)
		}
	}
}

func TestMatchRefuses(t *testing.T) {
	for _, c := range []struct {
		config *Config
		want   string
	}{
		{with(func(c *Config) { c.Targets.Names = []string{"c_attn"} }),
			"want one of down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj, have [c_attn]"},
		{with(func(c *Config) { c.Excluded.Pattern = ".*" }), "29 modules are excluded"},
		{with(func(c *Config) { c.Targets.Pattern = `.*(?!\.0\.).*` }), "a negative lookahead"},
		{with(func(c *Config) { c.Targets.Pattern = `(a)\1` }), "a back reference"},
		{with(func(c *Config) { c.Targets.Pattern = `.*_proj{,2}` }), "want {0,n}"},
		{with(func(c *Config) { c.Targets.Pattern = `a)(b` }), "unexpected )"},
		{with(func(c *Config) { c.Targets.Pattern, c.Layers = AllLinear, []int{1} }), "target_modules as a list"},
		{with(func(c *Config) { c.LayersPattern.Pattern = "layers" }), "want layers_to_transform"},
		{with(func(c *Config) { c.R = 0 }), "r: want 1"},
		{with(func(c *Config) { c.LoraDropout = Float(1) }), "lora_dropout"},
		{with(func(c *Config) { c.LoraAlpha = Float(math.NaN()) }), "lora_alpha"},
		{with(func(c *Config) { c.Bias = "some" }), "bias"},
		{with(func(c *Config) { c.RankPattern = []Entry[int]{{"(", 1}} }), "rank_pattern"},
		{with(func(c *Config) { c.RankPattern = []Entry[int]{{"a", 0}} }), "rank_pattern"},
		{with(func(c *Config) { c.AlphaPattern = []Entry[Number]{{"a", Float(math.Inf(1))}} }), "alpha_pattern"},
		{with(func(c *Config) { c.Init = "pissa" }), `init_lora_weights "pissa"`},
	} {
		_, _, err := Match(c.config, qwen)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want an error with %q, have %v", c.want, err)
		}
	}
}

func TestPatterns(t *testing.T) {
	c := with(func(c *Config) {
		c.R, c.LoraAlpha = 4, Int(8)
		c.RankPattern = []Entry[int]{{`layers.1.self_attn.q_proj`, 16}, {`q_proj|k_proj`, 2}, {"k_proj", 3}}
		c.AlphaPattern = []Entry[Number]{{`.*\.mlp\..*`, Int(32)}}
	})
	for _, w := range []struct {
		module  string
		rank    int
		scaling float64
	}{
		{"model.layers.1.self_attn.q_proj", 16, 0.5}, {"model.layers.11.self_attn.q_proj", 2, 4},
		{"model.layers.0.self_attn.k_proj", 2, 4}, {"model.layers.0.self_attn.kq_proj", 4, 2},
		{"model.layers.0.mlp.up_proj", 4, 8},
	} {
		if r, s := c.Rank(w.module), c.Scaling(w.module); r != w.rank || s != w.scaling {
			t.Errorf("%s: want rank %d and scaling %v, have %d and %v", w.module, w.rank, w.scaling, r, s)
		}
	}
	c.RSLora = true
	if s := c.Scaling("model.layers.0.mlp.up_proj"); s != 16 {
		t.Errorf("rsLoRA: want 32/√4, have %v", s)
	}
}

func TestKeys(t *testing.T) {
	const module = "model.layers.0.self_attn.q_proj"
	for part, want := range map[Part]string{
		PartA:        "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
		PartB:        "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight",
		PartBaseBias: "base_model.model.model.layers.0.self_attn.q_proj.base_layer.bias",
		PartBias:     "base_model.model.model.layers.0.self_attn.q_proj.bias",
	} {
		if have := Key(module, part); have != want {
			t.Errorf("want %s, have %s", want, have)
		}
		if m, p, ok := ParseKey(want); m != module || p != part || !ok {
			t.Errorf("%s: have %q, %q, %v", want, m, p, ok)
		}
	}
	for _, key := range []string{"", "base_model.model.", "base_model.model..bias", "a.lora_A.weight",
		"base_model.model.a.lora_magnitude_vector"} {
		if m, p, ok := ParseKey(key); ok {
			t.Errorf("%q: have %q, %q", key, m, p)
		}
	}
}
