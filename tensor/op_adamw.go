package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// AdamW is one step of torch's AdamW: p −= lr·wd·p; m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²;
// p −= lr/(1−β₁ᵗ) · m/(√v/√(1−β₂ᵗ) + eps). The first Decay elements have weight decay.
//
//	p, m, v, g: [N]   hyper: [kernel.HyperLen]
//
// Like all optimizers it changes what it remembers, here p, m and v, and has no gradient.
type AdamW struct{ Decay int }

func (op AdamW) Infer(x []Spec) ([]Spec, error) { return inferStep("adamw", op.Decay, 3, x) }

func (op AdamW) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	step(r, op.Decay, y, x, func(n, decay uint32) kernel.Sizes { return kernel.AdamW{N: n, Decay: decay} })
	return nil
}

// inferStep checks the operands of an optimizer that computes element by element: those that it changes, the gradient
// and hyper.
func inferStep(name string, decay, changed int, x []Spec) ([]Spec, error) {
	if len(x) != changed+2 || x[changed+1] != Of(kernel.HyperLen) {
		return nil, fmt.Errorf("%s: want %d operands, of which the last is hyper [%d], have %v", name, changed+2,
			kernel.HyperLen, x)
	}
	for _, s := range x[:changed+1] {
		if s != Of(x[0].Len()) {
			return nil, fmt.Errorf("%s: want parameters, moments and gradients [N], have %v", name, x)
		}
	}
	if decay < 0 || decay > x[0].Len() {
		return nil, fmt.Errorf("%s: want weight decay of up to %d elements, have %d", name, x[0].Len(), decay)
	}
	return x[:changed], nil
}

// step records such an optimizer: sizes returns those of a launch for n elements, the first decay with weight decay.
func step(r *Recorder, decay int, y, x []*Value, sizes func(n, decay uint32) kernel.Sizes) {
	own(r, y, x)
	g, hyper := x[len(y)], x[len(y)+1]
	tiles(r, g.Len(), func(first, n int) {
		var out []*Value
		for _, v := range y {
			out = append(out, r.Slice(v, first, n))
		}
		r.Run(sizes(u32(n), u32(min(max(decay-first, 0), n))), out, vs(r.Slice(g, first, n), hyper))
	})
}
