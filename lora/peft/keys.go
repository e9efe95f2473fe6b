package peft

import (
	"slices"
	"strings"
)

// Part is the end of a tensor's key in adapter_model.safetensors, after the module's name.
type Part string

// The parts of a LoRA adapter.
//
//	PartA: [R, in], PartB: [out, R], biases and magnitude: [out]
const (
	PartA         Part = "lora_A.weight"
	PartB         Part = "lora_B.weight"
	PartBaseBias  Part = "base_layer.bias"       // the bias of a targeted module
	PartBias      Part = "bias"                  // the bias of any other module
	PartMagnitude Part = "lora_magnitude_vector" // DoRA's norms of the rows of the merged weight
)

const keyPrefix = "base_model.model."

// Key is the name of a module's tensor in adapter_model.safetensors.
func Key(module string, part Part) string { return keyPrefix + module + "." + string(part) }

// ParseKey takes a key apart; ok is false where it is not a LoRA matrix or a bias.
func ParseKey(key string) (module string, part Part, ok bool) {
	module, ok = strings.CutPrefix(key, keyPrefix)
	if !ok {
		return "", "", false
	}
	for _, part := range []Part{PartA, PartB, PartBaseBias, PartBias} {
		if name, ok := strings.CutSuffix(module, "."+string(part)); ok && name != "" {
			return name, part, true
		}
	}
	return "", "", false
}

// Biases gives the keys of the bias vectors a config trains, in the order of biased, the modules that have one.
func (c *Config) Biases(biased, targets []string) []string {
	var keys []string
	for _, module := range biased {
		targeted := slices.Contains(targets, module)
		switch {
		case c.Bias == BiasNone || c.Bias == BiasLoraOnly && !targeted:
		case targeted:
			keys = append(keys, Key(module, PartBaseBias))
		default:
			keys = append(keys, Key(module, PartBias))
		}
	}
	return keys
}
