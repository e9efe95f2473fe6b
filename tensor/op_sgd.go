package tensor

import "github.com/vulora/vulora/tensor/kernel"

// SGD is one step of torch's SGD: p −= lr·(g + wd·p). The first Decay elements have weight decay.
//
//	p, g: [N]   hyper: [kernel.HyperLen]
type SGD struct{ Decay int }

func (op SGD) Infer(x []Spec) ([]Spec, error) { return inferStep("sgd", op.Decay, 1, x) }

func (op SGD) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	step(r, op.Decay, y, x, func(n, decay uint32) kernel.Sizes { return kernel.SGD{N: n, Decay: decay} })
	return nil
}

// SGDMomentum is SGD with momentum: with d = g + wd·p it is m = β₁m + rest₁·d and p −= lr·m, or by Nesterov
// p −= lr·(d + β₁m). rest₁ is 1 − dampening, and 1 in the first step.
//
//	p, m, g: [N]   hyper: [kernel.HyperLen]
type SGDMomentum struct {
	Decay    int
	Nesterov bool
}

func (op SGDMomentum) Infer(x []Spec) ([]Spec, error) {
	return inferStep("sgd_momentum", op.Decay, 2, x)
}

func (op SGDMomentum) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	step(r, op.Decay, y, x, func(n, decay uint32) kernel.Sizes {
		return kernel.SGDMomentum{N: n, Decay: decay, Nesterov: flag(op.Nesterov)}
	})
	return nil
}
