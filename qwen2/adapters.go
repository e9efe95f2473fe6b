package qwen2

import (
	"fmt"

	"github.com/vulora/vulora/tensor"
)

// Adapters is what an adapter adds to a model's linear layers, by module name ("model.layers.0.self_attn.q_proj").
// A nil *Adapters adds nothing.
type Adapters struct {
	LowRank map[string]LowRank
	// Bias replaces the biases of q_proj, k_proj and v_proj, [out].
	Bias map[string]*tensor.Tensor
	// Frozen holds, by layer, the fused q|k|v bias with zeros where Bias replaces it. It must be set where Bias is.
	Frozen map[int]*tensor.Tensor
	// Train makes the tensors parameters of the recording; Key, i32[3], then keys the dropout.
	Train bool
	Key   *tensor.Tensor
}

// LowRank is one pair of factors: the layer's result gets Scale·(drop(x)·Aᵀ)·Bᵀ.
type LowRank struct {
	A, B  *tensor.Tensor // [R, in], [out, R]
	Scale float32
	Drop  float64 // used only when training
	Site  uint32  // differs between modules
}

// Modules returns the names of all linear layers in the order of the checkpoint's modules: those of the blocks, then
// lm_head.
func (c *Config) Modules() []string {
	var names []string
	for i := range c.Layers {
		for _, m := range blockLinears {
			names = append(names, layerName(i)+"."+m)
		}
	}
	return append(names, "lm_head")
}

var blockLinears = [...]string{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
	"mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}

// LinearShape returns the output and input sizes of a linear layer, whose name it takes whole or from any dot on, or
// zeros.
func (c *Config) LinearShape(name string) (out, in int) {
	switch lastName(name) {
	case "q_proj":
		return c.Heads * c.HeadDim, c.Hidden
	case "k_proj", "v_proj":
		return c.KVHeads * c.HeadDim, c.Hidden
	case "o_proj":
		return c.Hidden, c.Heads * c.HeadDim
	case "gate_proj", "up_proj":
		return c.Intermediate, c.Hidden
	case "down_proj":
		return c.Hidden, c.Intermediate
	case "lm_head":
		return c.Vocab, c.Hidden
	}
	return 0, 0
}

// BiasedModules returns the names of the linear layers that have a bias.
func (c *Config) BiasedModules() []string {
	var names []string
	for i := range c.Layers {
		for _, b := range blockLinears[:3] {
			names = append(names, moduleName(i, b))
		}
	}
	return names
}

// Bias returns the bias of one of BiasedModules, [out].
func (m *Model) Bias(module string) ([]float32, error) {
	for i := range m.layers {
		off := 0
		for _, b := range blockLinears[:3] {
			out, _ := m.Config.LinearShape(b)
			if moduleName(i, b) == module {
				whole := make([]float32, m.layers[i].qkvBias.Len())
				err := m.layers[i].qkvBias.ReadFloats(whole)
				return whole[off : off+out], err
			}
			off += out
		}
	}
	return nil, fmt.Errorf("qwen2: bias: want a module with a bias, have %q", module)
}

// FusedBias returns the biases of q_proj, k_proj and v_proj of a layer side by side, with zeros for the modules that
// keep turns down, and whether there are any of those.
func (m *Model) FusedBias(layer int, keep func(module string) bool) (x []float32, changed bool, err error) {
	t := m.layers[layer].qkvBias
	x = make([]float32, t.Len())
	if err := t.ReadFloats(x); err != nil {
		return nil, false, err
	}
	off := 0
	for _, b := range blockLinears[:3] {
		out, _ := m.Config.LinearShape(b)
		if !keep(moduleName(layer, b)) {
			clear(x[off : off+out])
			changed = true
		}
		off += out
	}
	return x, changed, nil
}
