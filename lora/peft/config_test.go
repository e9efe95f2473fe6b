package peft

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ config, want string }{
		{`{"peft_type":"IA3"}`, `want LORA, have "IA3"`},
		{`{}`, `want LORA, have ""`},
		{`[]`, "want a JSON object"},
		{`null`, `want LORA`},
		{"{\"peft_type\":\"\xff\"}", "want UTF-8"},
		{`{"peft_type":"LORA","r":8.0,"lora_dropout":"x"}`, "r: want an integer, have 8.0"},
		{`{"peft_type":"LORA","r":8.0,"lora_dropout":"x"}`, "lora_dropout: want a number"},
		{`{"peft_type":"LORA","r":99999999999}`, "r: want 1 to 65536"},
		{`{"peft_type":"LORA","lora_alpha":1e999}`, "below 2^53"},
		{`{"peft_type":"LORA","lora_alpha":99999999999999999}`, "below 2^53"},
		{`{"peft_type":"LORA","lora_alpha":true}`, "lora_alpha: want a number"},
		{`{"peft_type":"LORA","use_rslora":1}`, "use_rslora: want true or false"},
		{`{"peft_type":"LORA","bias":"most"}`, "bias: want none"},
		{`{"peft_type":"LORA","target_modules":[1]}`, "target_modules: want a list of strings"},
		{`{"peft_type":"LORA","target_modules":["a",null]}`, "target_modules: want a list of strings"},
		{`{"peft_type":"LORA","layers_to_transform":[null]}`, "layers_to_transform: want an integer"},
		{`{"peft_type":"LORA","layers_to_transform":"1"}`, "layers_to_transform: want an integer"},
		{`{"peft_type":"LORA","rank_pattern":[]}`, "rank_pattern: want an object"},
		{`{"peft_type":"LORA","rank_pattern":{"a":"b"}}`, `rank_pattern: "a": want an integer`},
		{`{"peft_type":"LORA","rank_pattern":{"a":null}}`, `rank_pattern: "a": want an integer`},
		{`{"peft_type":"LORA","init_lora_weights":1}`, "init_lora_weights: want true"},
		{`{"peft_type":"LORA","eva_config":{"rho":1e999}}`, "eva_config"},
	} {
		if _, _, err := Parse([]byte(c.config)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want an error with %q, have %v", c.config, c.want, err)
		}
	}
}

func TestParseIsLenient(t *testing.T) {
	c, warnings, err := Parse([]byte("\ufeff" + `{"peft_type":"LORA","new":1,"also":{},"peft_version":"9",` +
		`"r":2,"r":3,"rank_pattern":{"b":1,"a":2,"b":3},"layers_to_transform":4,"target_modules":["z","a"]}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 2 || !strings.Contains(warnings[0], `"also"`) || !strings.Contains(warnings[1], `"new"`) {
		t.Errorf("want two warnings, have %v", warnings)
	}
	if want := []Entry[int]{{"b", 3}, {"a", 2}}; c.R != 3 || !slices.Equal(c.RankPattern, want) || c.Bias != BiasNone {
		t.Errorf("have %+v", c)
	}
	written, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"\"layers_to_transform\": 4,", "[\n    \"z\",\n    \"a\"\n  ]", "\"peft_version\": \"" + Version + "\"",
	} {
		if !bytes.Contains(written, []byte(part)) {
			t.Errorf("want %q in %s", part, written)
		}
	}
}

func TestSupported(t *testing.T) {
	for _, part := range []string{
		`"use_dora":true`, `"modules_to_save":["lm_head"]`, `"layer_replication":[[0,1]]`, `"lora_bias":true`,
		`"trainable_token_indices":[1]`, `"target_parameters":["a"]`, `"use_qalora":true`, `"use_bdlora":{"a":1}`,
		`"alora_invocation_tokens":[1]`, `"fan_in_fan_out":true`, `"init_lora_weights":"olora"`,
		`"arrow_config":{"a":1}`,
	} {
		c, _, err := Parse([]byte(`{"peft_type":"LORA",` + part + "}"))
		if err != nil {
			t.Errorf("%s: %v", part, err)
			continue
		}
		name := strings.Split(part, `"`)[1]
		if _, _, err := Match(c, qwen); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: want it refused by name, have %v", part, err)
		}
	}
	c, _, err := Parse([]byte(`{"peft_type":"LORA","use_dora":false,"modules_to_save":[],"loftq_config":{"a":1}}`))
	if err != nil || c.Supported() != nil {
		t.Errorf("want it accepted, have %v, %v", err, c.Supported())
	}
}

func TestMarshalLikePython(t *testing.T) {
	c := with(func(c *Config) {
		c.BaseModel = "대한/\"a\"\\\n\x7f😀"
		c.LoraAlpha, c.LoraDropout = Float(16), Float(0.00001)
		c.Targets.Names = []string{"v_proj", "q_proj"}
		c.Excluded.Names = []string{}
		c.Layers = []int{1, 0}
		c.Init = InitRandom
	})
	have, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`"base_model_name_or_path": "\ub300\ud55c/\"a\"\\\n\u007f\ud83d\ude00",`, `"lora_alpha": 16.0,`,
		`"lora_dropout": 1e-05,`, "\"target_modules\": [\n    \"q_proj\",\n    \"v_proj\"\n  ],",
		`"exclude_modules": [],`, "\"layers_to_transform\": [\n    1,\n    0\n  ],", `"init_lora_weights": false,`,
	} {
		if !strings.Contains(string(have), part) {
			t.Errorf("want %s in %s", part, have)
		}
	}
	for f, want := range map[float64]string{
		1e16: "1e+16", 1e15: "1000000000000000.0", 1e-4: "0.0001", 0.05: "0.05", 1.5e300: "1.5e+300", -2: "-2.0",
	} {
		if have := Float(f).String(); have != want {
			t.Errorf("want %s, have %s", want, have)
		}
	}
}

func FuzzConfig(f *testing.F) {
	c := Default()
	seed, err := c.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	for _, s := range []string{
		`{"peft_type":"LORA","rank_pattern":{"a":1,"a":2},"layers_to_transform":[1],"target_modules":["a"]}`,
		`{"peft_type":"LORA","target_modules":"(?=a){,2}\\Z","loftq_config":{"a":[1.50,-0,{"b":null}]}}`,
		`{"peft_type":"LORA","lora_alpha":-0.0,"layers_pattern":"x"}`, "[[[[", "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		c, _, err := Parse(content)
		if err != nil {
			return
		}
		one, err := c.Marshal()
		if err != nil {
			t.Fatalf("a config that was read cannot be written: %v", err)
		}
		again, warnings, err := Parse(one)
		if err != nil || len(warnings) > 0 {
			t.Fatalf("%s: %v, %v", one, err, warnings)
		}
		two, err := again.Marshal()
		if err != nil || !bytes.Equal(one, two) {
			t.Fatalf("want %s, have %s, %v", one, two, err)
		}
		if targets, _, err := Match(c, qwen); err == nil && len(targets) == 0 {
			t.Fatal("a match without targets is no error")
		}
	})
}
