package qwen2

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// published is config.json of Qwen2.5-0.5B-Instruct.
const published = `{
  "architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151645,
  "hidden_act": "silu", "hidden_size": 896, "initializer_range": 0.02, "intermediate_size": 4864,
  "max_position_embeddings": 32768, "max_window_layers": 24, "model_type": "qwen2", "num_attention_heads": 14,
  "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
  "sliding_window": null, "tie_word_embeddings": true, "torch_dtype": "bfloat16", "use_cache": true,
  "use_sliding_window": false, "vocab_size": 151936
}`

// small is in the published style with a window that is not in use.
const small = `{
  "architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 1533, "eos_token_id": 1533,
  "hidden_act": "silu", "hidden_size": 192, "initializer_range": 0.02, "intermediate_size": 512,
  "max_position_embeddings": 512, "max_window_layers": 3, "model_type": "qwen2", "num_attention_heads": 3,
  "num_hidden_layers": 3, "num_key_value_heads": 1, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
  "sliding_window": 512, "tie_word_embeddings": true, "torch_dtype": "bfloat16", "use_cache": true,
  "use_sliding_window": false, "vocab_size": 1536
}`

// newer is in the style of transformers 5.
const newer = `{
  "architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": null, "dtype": "float32",
  "eos_token_id": [3, 5], "hidden_act": "silu", "hidden_size": 128, "intermediate_size": 320,
  "layer_types": ["full_attention", "full_attention", "full_attention"], "max_position_embeddings": 1024,
  "max_window_layers": 28, "model_type": "qwen2", "num_attention_heads": 2, "num_hidden_layers": 3,
  "num_key_value_heads": 1, "pad_token_id": 0, "rms_norm_eps": 1e-05,
  "rope_parameters": {"rope_theta": 500000.0, "rope_type": "default"}, "sliding_window": null,
  "tie_word_embeddings": false, "transformers_version": "5.23.0", "use_sliding_window": false, "vocab_size": 512
}`

// changed returns the JSON object text with some values replaced; "" removes a key.
func changed(t testing.TB, text string, values map[string]string) []byte {
	t.Helper()
	m := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	for k, v := range values {
		if delete(m, k); v != "" {
			m[k] = json.RawMessage(v)
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseConfig(t *testing.T) {
	for text, want := range map[string]Config{
		published: {Hidden: 896, Layers: 24, Heads: 14, KVHeads: 2, HeadDim: 64, Intermediate: 4864, Vocab: 151936,
			MaxPositions: 32768, RopeTheta: 1e6, NormEps: 1e-6, Tied: true, BOS: 151643, Pad: -1, EOS: []int{151645},
			DType: "bfloat16"},
		small: {Hidden: 192, Layers: 3, Heads: 3, KVHeads: 1, HeadDim: 64, Intermediate: 512, Vocab: 1536, MaxPositions: 512,
			RopeTheta: 1e6, NormEps: 1e-6, Tied: true, BOS: 1533, Pad: -1, EOS: []int{1533}, DType: "bfloat16"},
		newer: {Hidden: 128, Layers: 3, Heads: 2, KVHeads: 1, HeadDim: 64, Intermediate: 320, Vocab: 512, MaxPositions: 1024,
			RopeTheta: 5e5, NormEps: 1e-5, BOS: -1, Pad: 0, EOS: []int{3, 5}, DType: "float32"},
		// Only what has no default: the defaults are those of transformers' Qwen2Config.
		`{"model_type":"qwen2","hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":3,` +
			`"vocab_size":5}`: {Hidden: 8, Layers: 1, Heads: 2, KVHeads: 2, HeadDim: 4, Intermediate: 3, Vocab: 5,
			MaxPositions: 32768, RopeTheta: 10000, NormEps: 1e-6, BOS: -1, Pad: -1},
	} {
		c, err := ParseConfig([]byte(text))
		if err != nil {
			t.Error(err)
		} else if !reflect.DeepEqual(*c, want) {
			t.Errorf("have %+v\nwant %+v", *c, want)
		}
	}
}

func TestParseConfigAccepts(t *testing.T) {
	for _, values := range []map[string]string{
		// The shapes of 1.5B, 3B, 7B and 72B.
		{"hidden_size": "1536", "num_attention_heads": "12", "intermediate_size": "8960", "num_hidden_layers": "28"},
		{"hidden_size": "2048", "num_attention_heads": "16", "intermediate_size": "11008", "num_hidden_layers": "36"},
		{"hidden_size": "3584", "num_attention_heads": "28", "num_key_value_heads": "4", "vocab_size": "152064",
			"tie_word_embeddings": "false", "intermediate_size": "18944"},
		{"hidden_size": "8192", "num_attention_heads": "64", "num_key_value_heads": "8", "num_hidden_layers": "80",
			"intermediate_size": "29568", "vocab_size": "152064", "max_position_embeddings": "131072"},
		{"head_dim": "128"}, {"head_dim": "null"}, {"hidden_size": "100", "head_dim": "64"}, {"num_key_value_heads": "null"},
		{"rope_scaling": "null"}, {"rope_scaling": `{"type":"default"}`},
		{"rope_scaling": `{"rope_type":"default","factor":null}`},
		{"rope_parameters": `{"rope_theta":1000000.0,"partial_rotary_factor":1.0}`}, {"use_mrope": "false"},
		{"attention_bias": "true"}, {"torch_dtype": `"torch.float16"`}, {"torch_dtype": ""}, {"architectures": ""},
		{"quantization_config": "null"}, {"something_new": `{"a":[1]}`}, {"eos_token_id": "[]"}, {"eos_token_id": ""},
	} {
		if _, err := ParseConfig(changed(t, published, values)); err != nil {
			t.Errorf("%v: %v", values, err)
		}
	}
	c, err := ParseConfig(changed(t, published, map[string]string{"head_dim": "128"}))
	if err != nil || c.HeadDim != 128 {
		t.Errorf("head_dim 128 became %+v, %v", c, err)
	}
}

// TestParseConfigRefuses changes one thing in a good file; each error must name it.
func TestParseConfigRefuses(t *testing.T) {
	for _, r := range []struct{ key, value, want string }{
		{"model_type", `"llama"`, `model_type: "llama" is not supported, want "qwen2"`},
		{"model_type", `"qwen3"`, `model_type: "qwen3"`},
		{"model_type", `"qwen2_moe"`, `model_type: "qwen2_moe"`},
		{"model_type", ``, `model_type: missing`},
		{"model_type", `7`, `model_type: want a string, have 7`},
		{"architectures", `["Qwen2ForSequenceClassification"]`, "Qwen2ForSequenceClassification"},
		{"architectures", `[]`, `want "Qwen2ForCausalLM"`},
		{"architectures", `"Qwen2ForCausalLM"`, "architectures: want a list"},
		{"use_sliding_window", `true`, "use_sliding_window: true is not supported"},
		{"layer_types", `["full_attention"]`, "layer_types: want 24, one per layer, have 1"},
		{"layer_types", `["sliding_attention"]`, `layer_types: layer 0: "sliding_attention" is not supported`},
		{"rope_scaling", `{"type":"yarn","factor":4.0}`, `rope_scaling.type: "yarn" is not supported`},
		{"rope_scaling", `{"rope_type":"linear","factor":2.0}`, `rope_scaling.rope_type: "linear" is not supported`},
		{"rope_scaling", `{"factor":2.0}`, `rope_scaling.factor: not supported`},
		{"rope_scaling", `"yarn"`, `rope_scaling: want an object`},
		{"rope_parameters", `{"rope_type":"llama3","rope_theta":1e6}`, `rope_parameters.rope_type: "llama3"`},
		{"rope_parameters", `{"rope_theta":1e4}`, "rope_parameters.rope_theta: 10000 contradicts rope_theta 1e+06"},
		{"rope_parameters", `{"partial_rotary_factor":0.5}`, "rope_parameters.partial_rotary_factor: not supported"},
		{"rope_parameters", `{"full_attention":{"rope_theta":1e6}}`, "rope_parameters.full_attention: not supported"},
		{"rope_theta", `0`, "rope_theta: want"},
		{"rope_theta", `-1`, "rope_theta: want"},
		{"rope_theta", `1e400`, "rope_theta: want a number, have 1e400"},
		{"rms_norm_eps", `0`, "rms_norm_eps: want"},
		{"rms_norm_eps", `"1e-6"`, "rms_norm_eps: want a number"},
		{"hidden_act", `"gelu"`, `hidden_act: "gelu" is not supported, want "silu"`},
		{"attention_bias", `false`, "attention_bias: false is not supported"},
		{"qkv_bias", `false`, "qkv_bias: false"},
		{"mlp_bias", `true`, "mlp_bias: true"},
		{"use_mrope", `true`, "use_mrope: true"},
		{"attention_dropout", `0.1`, "attention_dropout: 0.1"},
		{"quantization_config", `{"quant_method":"gptq"}`,
			"quantization_config: want quant_method bitsandbytes with load_in_4bit"},
		{"quantization_config", `{"quant_method":"bitsandbytes","load_in_8bit":true}`, "with load_in_4bit, have"},
		{"quantization_config", `7`, "quantization_config: want an object"},
		{"vision_config", `{}`, "vision_config: not supported"},
		{"torch_dtype", `"float64"`, `torch_dtype: want float32, float16 or bfloat16, have "float64"`},
		{"dtype", `"int8"`, `dtype: want`},
		{"hidden_size", ``, "hidden_size: missing"},
		{"hidden_size", `null`, "hidden_size: missing"},
		{"hidden_size", `0`, "hidden_size: want 1 to"},
		{"hidden_size", `-896`, "hidden_size: want 1 to"},
		{"hidden_size", `896.5`, "hidden_size: want a whole number, have 896.5"},
		{"hidden_size", `"896"`, `hidden_size: want a whole number, have "896"`},
		{"hidden_size", `99999999999999999999`, "hidden_size: want a whole number"},
		{"hidden_size", `4294967297`, "hidden_size: want 1 to"},
		{"hidden_size", `897`, "num_attention_heads: want a divisor of hidden_size 897, or head_dim, have 14"},
		{"num_hidden_layers", `0`, "num_hidden_layers: want 1 to"},
		{"num_hidden_layers", `1000000`, "num_hidden_layers: want 1 to"},
		{"num_attention_heads", `0`, "num_attention_heads: want 1 to"},
		{"num_attention_heads", ``, "num_attention_heads: missing"},
		{"num_key_value_heads", `3`, "num_key_value_heads: want a divisor of num_attention_heads 14, have 3"},
		{"num_key_value_heads", `28`, "num_key_value_heads: want a divisor"},
		{"num_key_value_heads", `0`, "num_key_value_heads: want 1 to"},
		{"head_dim", `63`, "head_dim: want an even number"},
		{"head_dim", `0`, "head_dim: want 1 to"},
		{"head_dim", `1000000`, "head_dim: want 1 to"},
		{"intermediate_size", `-1`, "intermediate_size: want 1 to"},
		{"vocab_size", `0`, "vocab_size: want 1 to"},
		{"vocab_size", `9223372036854775807`, "vocab_size: want 1 to"},
		{"max_position_embeddings", `0`, "max_position_embeddings: want 1 to"},
		{"eos_token_id", `-1`, "eos_token_id: want 0 to"},
		{"eos_token_id", `151936`, "eos_token_id: want 0 to 151935, have 151936"},
		{"eos_token_id", `[1, 151936]`, "eos_token_id: want ids from 0 to 151935, have 151936"},
		{"eos_token_id", `"x"`, "eos_token_id: want a whole number"},
		{"bos_token_id", `1.5`, "bos_token_id: want a whole number"},
		{"tie_word_embeddings", `"yes"`, "tie_word_embeddings: want true or false"},
	} {
		c, err := ParseConfig(changed(t, published, map[string]string{r.key: r.value}))
		if err == nil || !strings.Contains(err.Error(), r.want) {
			t.Errorf("%s = %s: %+v, error %v, want %q", r.key, r.value, c, err, r.want)
		}
	}
}

func TestParseConfigTellsAllProblems(t *testing.T) {
	_, err := ParseConfig(changed(t, published, map[string]string{
		"hidden_size": "0", "vocab_size": "", "hidden_act": `"relu"`, "use_sliding_window": "true", "eos_token_id": "-4",
		"rope_scaling": `{"type":"yarn","factor":4}`, "quantization_config": "{}",
	}))
	if err == nil {
		t.Fatal("a config full of faults was accepted")
	}
	for _, want := range []string{"8 problems", "hidden_size: ", "vocab_size: ", "hidden_act: ", "use_sliding_window: ",
		"eos_token_id: ", "rope_scaling.type: ", "rope_scaling.factor: ", "quantization_config: want quant_method"} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("want %q once in:\n%v", want, err)
		}
	}
}

func TestParseConfigHostile(t *testing.T) {
	big := fmt.Sprint(math.MaxInt32)
	for want, data := range map[string][]byte{
		"at most 1048576 bytes":     append([]byte(published), make([]byte, maxConfigBytes)...),
		"nested deeper":             []byte(`{"a":` + strings.Repeat("[", 5000)),
		`"hidden_size" appears`:     []byte(`{"hidden_size":1,"hidden_size":2}`),
		"want an object":            []byte(`[1]`),
		"want an object, have null": []byte(`null`),
		"unexpected EOF":            []byte(published[:100]),
		"not valid UTF-8":           []byte("{\"model_type\":\"\xff\"}"),
		"address space": changed(t, published, map[string]string{"hidden_size": "1048576", "num_attention_heads": "16384",
			"num_key_value_heads": "16384", "head_dim": "16384", "vocab_size": "67108864", "intermediate_size": "4194304",
			"num_hidden_layers": "4096", "max_position_embeddings": "1073741824"}),
		"max_position_embeddings: want": changed(t, published, map[string]string{"max_position_embeddings": big}),
	} {
		if _, err := ParseConfig(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %.300v, want %q", err, want)
		}
	}
}

// TestGoldenConfig reads the config of every checkpoint of the goldens by a lenient reader of its own and compares.
func TestGoldenConfig(t *testing.T) {
	for _, dir := range goldenCheckpoints(t) {
		c, err := ReadConfig(dir)
		if err != nil {
			t.Error(err)
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		var want struct {
			Hidden       int     `json:"hidden_size"`
			Layers       int     `json:"num_hidden_layers"`
			Heads        int     `json:"num_attention_heads"`
			KV           int     `json:"num_key_value_heads"`
			HeadDim      int     `json:"head_dim"`
			Intermediate int     `json:"intermediate_size"`
			Vocab        int     `json:"vocab_size"`
			Eps          float64 `json:"rms_norm_eps"`
			Tied         bool    `json:"tie_word_embeddings"`
			Theta        float64 `json:"rope_theta"`
			Rope         struct {
				Theta float64 `json:"rope_theta"`
			} `json:"rope_parameters"`
			DType string `json:"dtype"`
			Old   string `json:"torch_dtype"`
		}
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		if want.HeadDim == 0 {
			want.HeadDim = want.Hidden / want.Heads
		}
		have := fmt.Sprint(c.Hidden, c.Layers, c.Heads, c.KVHeads, c.HeadDim, c.Intermediate, c.Vocab, c.NormEps, c.Tied,
			c.RopeTheta, c.DType)
		expect := fmt.Sprint(want.Hidden, want.Layers, want.Heads, want.KV, want.HeadDim, want.Intermediate, want.Vocab,
			want.Eps, want.Tied, max(want.Theta, want.Rope.Theta), want.DType+want.Old)
		if have != expect {
			t.Errorf("%s:\nhave %s\nwant %s", dir, have, expect)
		}
		if _, err := ReadGenerationConfig(dir, c); err != nil {
			t.Error(err)
		}
	}
}

// goldenCheckpoints returns the checkpoint folders of the goldens.
func goldenCheckpoints(t *testing.T) []string {
	t.Helper()
	root := os.Getenv("VULORA_GOLDENS")
	if root == "" {
		root = "testdata"
	}
	dirs, err := filepath.Glob(filepath.Join(root, "model-*", "model"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no checkpoint below %s: %v", root, err)
	}
	return dirs
}

func FuzzConfig(f *testing.F) {
	for _, s := range []string{published, newer, `{"model_type":"qwen2"}`, `{"model_type":"qwen2","rope_scaling":{}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig(data)
		if err != nil {
			return
		}
		ok := c.Hidden > 0 && c.Layers > 0 && c.KVHeads > 0 && c.Heads%c.KVHeads == 0 && c.HeadDim > 0 && c.HeadDim%2 == 0 &&
			c.Intermediate > 0 && c.Vocab > 0 && c.MaxPositions > 0 && c.RopeTheta > 0 && c.NormEps > 0 && c.BOS < c.Vocab &&
			float64(c.Vocab)*float64(c.Hidden)*4 < math.MaxInt
		for _, id := range c.EOS {
			ok = ok && id >= 0 && id < c.Vocab
		}
		if !ok {
			t.Fatalf("accepted %+v", c)
		}
	})
}
