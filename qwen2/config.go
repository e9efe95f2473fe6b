package qwen2

import (
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vulora/vulora/qwen2/strictjson"
)

// Config is what config.json says about a Qwen2 model's shape and numerics.
type Config struct {
	Hidden       int // C, hidden_size
	Layers       int // num_hidden_layers
	Heads        int // H, num_attention_heads
	KVHeads      int // K, num_key_value_heads; divides Heads
	HeadDim      int // D, even; head_dim, or Hidden/Heads
	Intermediate int // F, intermediate_size
	Vocab        int // V, rows of the embedding, at least the tokenizer's tokens
	MaxPositions int // max_position_embeddings, tokens

	RopeTheta float64 // base of the rotary frequencies
	NormEps   float64 // added to the mean square in RMSNorm
	Tied      bool    // the output head is the embedding

	BOS, Pad int    // token ids, -1 when there is none
	EOS      []int  // token ids that end a text, empty when there is none
	DType    string // "float32", "float16", "bfloat16", or "" when the file does not say
}

// Limits far above any published model (72B: hidden 8192, intermediate 29568, 80 layers), so that sizes made from a
// config cannot exhaust an int before they exhaust memory.
const (
	maxHidden       = 1 << 20
	maxLayers       = 1 << 12
	maxHeads        = 1 << 14
	maxHeadDim      = 1 << 14
	maxIntermediate = 1 << 22
	maxVocab        = 1 << 26
	maxPositions    = 1 << 30
)

const configFile = "config.json"

// ReadConfig reads config.json of the checkpoint folder dir; see ParseConfig.
func ReadConfig(dir string) (*Config, error) {
	path := filepath.Join(dir, configFile)
	data, err := strictjson.ReadFile(path, maxConfigBytes, maxConfigDepth)
	if err != nil {
		return nil, fmt.Errorf("qwen2: config: %w", err)
	}
	c, err := readConfigFields(data)
	if err != nil {
		return nil, fmt.Errorf("qwen2: config: %s: %w", path, err)
	}
	return c, nil
}

// ParseConfig reads a config.json of either style: the published Qwen2 and Qwen2.5 ones (rope_theta and torch_dtype at
// the top) and those of transformers 5 (rope_parameters, dtype, layer_types).
//
// What would change the arithmetic and is not computed here is refused by name, with everything else that is wrong, in
// one error: other architectures, sliding windows, scaled rotary embeddings, weights quantised otherwise than by
// bitsandbytes in 4 bits, other activations or biases. Absent values get the defaults of transformers' Qwen2Config,
// but the sizes of the weights must be there.
func ParseConfig(data []byte) (*Config, error) {
	if len(data) > maxConfigBytes {
		return nil, fmt.Errorf("qwen2: config: want at most %d bytes, have %d", maxConfigBytes, len(data))
	}
	if err := strictjson.Check(data, maxConfigDepth); err != nil {
		return nil, fmt.Errorf("qwen2: config: %w", err)
	}
	c, err := readConfigFields(data)
	if err != nil {
		return nil, fmt.Errorf("qwen2: config: %w", err)
	}
	return c, nil
}

func readConfigFields(data []byte) (*Config, error) {
	f, err := parseFields(data)
	if err != nil {
		return nil, err
	}
	if !readArchitecture(f) {
		return nil, f.err() // The other fields mean something else there.
	}
	c := new(Config)
	c.readSizes(f)
	c.readRope(f)
	c.NormEps = f.positive("rms_norm_eps", 1e-6, 1)
	c.Tied = f.truth("tie_word_embeddings", false)
	c.BOS = f.token("bos_token_id", c.Vocab)
	c.Pad = f.token("pad_token_id", c.Vocab)
	c.EOS = f.tokens("eos_token_id", c.Vocab)
	c.readDType(f)
	refuseVariants(f, c.Layers)
	if err := f.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// readArchitecture tells whether the file describes a Qwen2 language model.
func readArchitecture(f configFields) bool {
	const model, arch = "qwen2", "Qwen2ForCausalLM"
	before := len(*f.problems)
	if !f.has("model_type") {
		f.fail("model_type", "missing, want %q", model)
	} else if have := f.text("model_type", model); have != model {
		f.fail("model_type", "%q is not supported, want %q (Qwen2 and Qwen2.5 text models)", have, model)
	}
	var archs []string
	if f.decode("architectures", "a list of names", &archs) && !slices.Contains(archs, arch) {
		f.fail("architectures", "%s is not supported, want %q", f.show("architectures"), arch)
	}
	return len(*f.problems) == before
}

func (c *Config) readSizes(f configFields) {
	c.Hidden = f.size("hidden_size", maxHidden)
	c.Layers = f.size("num_hidden_layers", maxLayers)
	c.Heads = f.size("num_attention_heads", maxHeads)
	c.KVHeads = f.whole("num_key_value_heads", c.Heads, 1, maxHeads)
	c.Intermediate = f.size("intermediate_size", maxIntermediate)
	c.Vocab = f.size("vocab_size", maxVocab)
	c.MaxPositions = f.whole("max_position_embeddings", 32768, 1, maxPositions)
	if c.Heads == 0 || c.Hidden == 0 {
		return
	}
	if c.KVHeads > 0 && c.Heads%c.KVHeads != 0 {
		f.fail("num_key_value_heads", "want a divisor of num_attention_heads %d, have %d", c.Heads, c.KVHeads)
	}
	if !f.has("head_dim") && c.Hidden%c.Heads != 0 {
		f.fail("num_attention_heads", "want a divisor of hidden_size %d, or head_dim, have %d", c.Hidden, c.Heads)
		return
	}
	c.HeadDim = f.whole("head_dim", c.Hidden/c.Heads, 1, maxHeadDim)
	if c.HeadDim%2 != 0 {
		f.fail("head_dim", "want an even number, for rotary embeddings turn pairs, have %d", c.HeadDim)
	}
	if !c.fits() {
		f.fail("hidden_size", "the weights of these sizes do not fit this machine's address space")
	}
}

// fits tells whether the bytes of all weights, at 4 each, are an int: then no product of two sizes overflows one.
func (c *Config) fits() bool {
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim // within 2^28 by the limits
	total, ok := uint64(0), true
	add := func(factors ...int) {
		p := uint64(4)
		for _, x := range factors {
			hi, lo := bits.Mul64(p, uint64(x))
			p, ok = lo, ok && hi == 0
		}
		sum, carry := bits.Add64(total, p, 0)
		total, ok = sum, ok && carry == 0
	}
	add(2, c.Vocab, c.Hidden)
	add(c.Layers, 2, c.Hidden, q)
	add(c.Layers, 2, c.Hidden, kv)
	add(c.Layers, 3, c.Hidden, c.Intermediate)
	add(c.MaxPositions, c.Layers, 2, kv)
	return ok && total <= math.MaxInt
}

// readRope takes the base of the rotary frequencies from where either style has it and refuses scaled frequencies.
func (c *Config) readRope(f configFields) {
	const def, most = 10000.0, 1e12
	c.RopeTheta = f.positive("rope_theta", def, most)
	for _, key := range []string{"rope_parameters", "rope_scaling"} { // The second is the older name.
		if !f.has(key) {
			continue
		}
		rope := f.object(key)
		for _, k := range []string{"rope_type", "type"} {
			if have := rope.text(k, "default"); have != "default" {
				rope.fail(k, "%q is not supported, want \"default\"", have)
			}
		}
		theta := rope.positive("rope_theta", c.RopeTheta, most)
		if f.has("rope_theta") && theta != c.RopeTheta {
			rope.fail("rope_theta", "%g contradicts rope_theta %g", theta, c.RopeTheta)
		}
		c.RopeTheta = theta
		known := []string{"rope_type", "type", "rope_theta"}
		for _, k := range sortedKeys(rope.values) {
			neutral := k == "partial_rotary_factor" && rope.number(k, 1, 0, 1) == 1
			if !slices.Contains(known, k) && !neutral && rope.has(k) {
				rope.fail(k, "not supported")
			}
		}
	}
}

func (c *Config) readDType(f configFields) {
	key := "torch_dtype"
	if f.has("dtype") {
		key = "dtype"
	}
	c.DType = strings.TrimPrefix(f.text(key, ""), "torch.")
	if !slices.Contains([]string{"", "float32", "float16", "bfloat16"}, c.DType) {
		f.fail(key, "want float32, float16 or bfloat16, have %q", c.DType)
	}
}

// refuseVariants names the settings under which the model would compute something else.
func refuseVariants(f configFields, layers int) {
	if act := f.text("hidden_act", "silu"); act != "silu" {
		f.fail("hidden_act", "%q is not supported, want \"silu\"", act)
	}
	if f.truth("use_sliding_window", false) {
		f.fail("use_sliding_window", "true is not supported: every layer attends to all earlier tokens")
	}
	var types []string
	if f.decode("layer_types", "a list of names", &types) {
		if layers > 0 && len(types) != layers {
			f.fail("layer_types", "want %d, one per layer, have %d", layers, len(types))
		}
		for i, t := range types {
			if t != "full_attention" {
				f.fail("layer_types", "layer %d: %q is not supported, want \"full_attention\"", i, t)
				break
			}
		}
	}
	for _, key := range []string{"attention_bias", "qkv_bias"} { // Qwen2 has biases on q, k and v only.
		if !f.truth(key, true) {
			f.fail(key, "false is not supported: Qwen2 has biases on q, k and v")
		}
	}
	for _, key := range []string{"mlp_bias", "o_proj_bias", "attention_out_bias", "use_mrope", "add_cross_attention"} {
		if f.truth(key, false) {
			f.fail(key, "true is not supported")
		}
	}
	if p := f.number("attention_dropout", 0, 0, 1); p != 0 {
		f.fail("attention_dropout", "%g is not supported, want 0", p)
	}
	refuseQuantization(f)
	for _, key := range []string{"text_config", "vision_config"} {
		if f.has(key) {
			f.fail(key, "not supported")
		}
	}
}

// refuseQuantization accepts bitsandbytes' 4-bit weights only; what they are is read from the tensors.
func refuseQuantization(f configFields) {
	var q struct {
		Method string `json:"quant_method"`
		Four   bool   `json:"load_in_4bit"`
	}
	const key = "quantization_config"
	if f.decode(key, "an object", &q) && (q.Method != "bitsandbytes" || !q.Four) {
		f.fail(key, "want quant_method bitsandbytes with load_in_4bit, have quant_method %q", q.Method)
	}
}

func sortedKeys(m map[string]json.RawMessage) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
