package peft

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Marshal writes adapter_config.json with exactly the keys PEFT 0.21.2 writes, byte for byte as its save_pretrained
// does: sorted keys, an indent of 2, all but ASCII escaped, no line end after the last brace. inference_mode is true in
// every saved adapter. Names of modules keep the order of the file they were read from and are sorted otherwise.
func (c *Config) Marshal() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	fields := map[string]any{
		"alpha_pattern": patternValue(c.AlphaPattern), "base_model_name_or_path": orNull(c.BaseModel),
		"bias": string(c.Bias), "exclude_modules": c.Excluded.value(), "inference_mode": true,
		"init_lora_weights": c.Init.value(), "layers_pattern": c.LayersPattern.value(),
		"layers_to_transform": c.layersValue(), "lora_alpha": c.LoraAlpha,
		"lora_dropout": c.LoraDropout, "peft_type": "LORA",
		"peft_version": Version, "r": c.R, "rank_pattern": patternValue(c.RankPattern), "revision": orNull(c.Revision),
		"target_modules": c.Targets.value(), "task_type": orNull(c.TaskType), "use_rslora": c.RSLora,
	}
	for key, otherwise := range keptDefaults {
		if v, ok := c.other[key]; ok {
			fields[key] = v
			continue
		}
		v, err := decode([]byte(otherwise))
		if err != nil {
			return nil, fmt.Errorf("peft: adapter_config.json: %s: %w", key, err)
		}
		fields[key] = v
	}
	var b strings.Builder
	if err := dump(&b, fields, ""); err != nil {
		return nil, fmt.Errorf("peft: adapter_config.json: %w", err)
	}
	return []byte(b.String()), nil
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (k InitKind) value() any {
	switch k {
	case InitDefault, "":
		return true
	case InitRandom:
		return false
	}
	return string(k)
}

func (m Modules) value() any {
	switch {
	case m.Pattern != "":
		return m.Pattern
	case m.Names == nil:
		return nil
	}
	names := slices.Clone(m.Names)
	if !m.asRead {
		slices.Sort(names)
	}
	list := make([]any, len(names))
	for i, name := range names {
		list[i] = name
	}
	return list
}

func (c *Config) layersValue() any {
	switch {
	case c.Layers == nil:
		return nil
	case c.oneLayer && len(c.Layers) == 1:
		return c.Layers[0]
	}
	list := make([]any, len(c.Layers))
	for i, n := range c.Layers {
		list[i] = n
	}
	return list
}

func patternValue[T any](pattern []Entry[T]) any {
	object := make(map[string]any, len(pattern))
	for _, e := range pattern {
		object[e.Key] = e.Value
	}
	return object
}

// refused are the kept keys that change what an adapter computes. The settings of initialisations (corda_config,
// eva_config, loftq_config, lora_ga_config) are not among them: without their init_lora_weights they do nothing.
var refused = []string{
	"alora_invocation_tokens", "arrow_config", "ensure_weight_tying", "fan_in_fan_out", "kasa_config",
	"layer_replication", "lora_bias", "megatron_config", "modules_to_save", "monteclora_config", "target_parameters",
	"trainable_token_indices", "use_bdlora", "use_dora", "use_qalora", "velora_config",
}

// Supported tells, all at once, which settings of a config change what the adapter computes and are not supported.
func (c *Config) Supported() error {
	var used []string
	for _, key := range refused {
		if v, ok := c.other[key]; ok && !neutral(v) {
			used = append(used, key)
		}
	}
	switch c.Init {
	case InitDefault, InitRandom, InitGaussian, "":
	default:
		used = append(used, fmt.Sprintf("init_lora_weights %q", string(c.Init)))
	}
	if len(used) > 0 {
		return fmt.Errorf("peft: config: want plain LoRA, have settings that are not supported: %s",
			strings.Join(used, ", "))
	}
	return nil
}

// WithoutDoRA returns c as plain LoRA, for those who apply the magnitudes themselves, and whether it had use_dora.
func (c Config) WithoutDoRA() (plain Config, dora bool) {
	const key = "use_dora"
	v, ok := c.other[key]
	if !ok || neutral(v) {
		return c, false
	}
	c.other = maps.Clone(c.other)
	delete(c.other, key)
	return c, true
}

// neutral is what Python takes for false.
func neutral(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case json.Number:
		return v == "0"
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}
