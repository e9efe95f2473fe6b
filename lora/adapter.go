package lora

import (
	"fmt"
	"slices"

	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// An Adapter is a LoRA adapter of a model, on the model's device.
type Adapter struct {
	Config peft.Config
	// Targets are the adapted modules in the model's order. Unmatched are names in target_modules that fit no module.
	Targets, Unmatched []string

	model  *qwen2.Model
	layout *layout
	slab   *tensor.Tensor
	params []*tensor.Tensor       // the parts of slab, by slot
	frozen map[int]*tensor.Tensor // fused biases with zeros where trained ones replace them
}

// NewAdapter makes an adapter as PEFT initialises it: A uniform, B zero, biases those of the model.
func NewAdapter(m *qwen2.Model, c peft.Config, seed uint64) (*Adapter, error) {
	a, err := newAdapter(m, c)
	if err != nil {
		return nil, err
	}
	if err := a.initialise(seed); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// newAdapter makes an adapter with zeros for values.
func newAdapter(m *qwen2.Model, c peft.Config) (*Adapter, error) {
	a, err := layOut(m, c)
	if err != nil {
		return nil, err
	}
	return a, a.allocate()
}

// layOut finds the adapter's tensors and their places, and allocates nothing.
func layOut(m *qwen2.Model, c peft.Config) (*Adapter, error) {
	targets, unmatched, err := peft.Match(&c, m.Config.Modules())
	if err != nil {
		return nil, err
	}
	if slices.Contains(targets, "lm_head") {
		return nil, fmt.Errorf("lora: target_modules: want modules of the blocks, have lm_head: " +
			"adapters on the output head are not supported")
	}
	a := &Adapter{Config: c, Targets: targets, Unmatched: unmatched, model: m, layout: newLayout(m.Device.Info())}
	a.layout.addAdapter(&m.Config, &c, targets, false)
	return a, nil
}

// allocate makes the slab, and frees all it made if it fails.
func (a *Adapter) allocate() (err error) {
	if a.slab, err = tensor.New(a.model.Device, tensor.Of(a.layout.elements), kernel.Adapter); err != nil {
		return fmt.Errorf("lora: adapter of %d parameters: %w", a.Params(), err)
	}
	for i := range a.layout.slots {
		a.params = append(a.params, a.layout.view(a.slab, i))
	}
	if err := a.freezeBiases(); err != nil {
		a.Close()
		return err
	}
	return nil
}

func (a *Adapter) initialise(seed uint64) error {
	for _, t := range a.Targets {
		out, in := a.model.Config.LinearShape(t)
		wa, wb, err := a.Config.InitWeights(seed, t, in, out)
		if err != nil {
			return err
		}
		if err := a.tensor(t, peft.PartA).WriteFloats(wa); err != nil {
			return err
		}
		if err := a.tensor(t, peft.PartB).WriteFloats(wb); err != nil {
			return err
		}
	}
	for i, s := range a.layout.slots {
		module, part, _ := peft.ParseKey(s.key)
		if part != peft.PartBias && part != peft.PartBaseBias {
			continue
		}
		b, err := a.model.Bias(module)
		if err == nil {
			err = a.params[i].WriteFloats(b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *Adapter) tensor(module string, p peft.Part) *tensor.Tensor {
	if i, ok := a.layout.index[peft.Key(module, p)]; ok {
		return a.params[i]
	}
	return nil
}

// bias returns the trained bias of a module, or nil.
func (a *Adapter) bias(module string) *tensor.Tensor {
	if t := a.tensor(module, peft.PartBaseBias); t != nil {
		return t
	}
	return a.tensor(module, peft.PartBias)
}

// freezeBiases makes the fused biases that stay behind where some biases are trained.
func (a *Adapter) freezeBiases() error {
	a.frozen = map[int]*tensor.Tensor{}
	if a.Config.Bias == peft.BiasNone {
		return nil
	}
	for i := range a.model.Config.Layers {
		keep := func(module string) bool { return a.bias(module) == nil }
		x, changed, err := a.model.FusedBias(i, keep)
		if err != nil {
			return err
		}
		if !changed {
			continue
		}
		t, err := tensor.New(a.model.Device, tensor.Of(len(x)), kernel.Adapter)
		if err != nil {
			return fmt.Errorf("lora: adapter: %w", err)
		}
		a.frozen[i] = t
		if err := t.WriteFloats(x); err != nil {
			return err
		}
	}
	return nil
}

// Params returns the number of trained parameters.
func (a *Adapter) Params() int64 { return a.layout.params() }

// ForModel returns the adapter as the model's graph takes it, to be applied but not trained.
func (a *Adapter) ForModel() *qwen2.Adapters { return a.forModel(nil) }

// forModel returns the adapter to be trained, with its dropout, if key is set.
func (a *Adapter) forModel(key *tensor.Tensor) *qwen2.Adapters {
	g := &qwen2.Adapters{LowRank: map[string]qwen2.LowRank{}, Bias: map[string]*tensor.Tensor{}, Frozen: a.frozen,
		Train: key != nil, Key: key}
	for i, t := range a.Targets {
		g.LowRank[t] = qwen2.LowRank{A: a.tensor(t, peft.PartA), B: a.tensor(t, peft.PartB),
			Scale: float32(a.Config.Scaling(t)),
			Drop:  a.Config.LoraDropout.Value, Site: uint32(i)}
	}
	for _, m := range a.model.Config.BiasedModules() {
		if b := a.bias(m); b != nil {
			g.Bias[m] = b
		}
	}
	return g
}

// Close frees the adapter. It may be called more than once.
func (a *Adapter) Close() {
	a.slab.Free()
	for _, t := range a.frozen {
		t.Free()
	}
}
