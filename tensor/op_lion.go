package tensor

import "github.com/vulora/vulora/tensor/kernel"

// Lion is one step of Lion (Chen et al., Symbolic Discovery of Optimization Algorithms, 2023) as bitsandbytes does it:
// p −= lr·wd·p; p −= lr·sign(β₁m + (1−β₁)g); m = β₂m + (1−β₂)g. The first Decay elements have weight decay.
//
//	p, m, g: [N]   hyper: [kernel.HyperLen]
type Lion struct{ Decay int }

func (op Lion) Infer(x []Spec) ([]Spec, error) { return inferStep("lion", op.Decay, 2, x) }

func (op Lion) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	step(r, op.Decay, y, x, func(n, decay uint32) kernel.Sizes { return kernel.Lion{N: n, Decay: decay} })
	return nil
}
