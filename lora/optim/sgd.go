package optim

import (
	"math"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// sgd is torch.optim.SGD. Without momentum it remembers nothing.
type sgd struct {
	decay, momentum, dampening float64
	nesterov                   bool
}

func newSGD(s Settings, a *args) Rule {
	inf := math.Inf(1)
	o := sgd{decay: s.WeightDecay, momentum: a.float("momentum", 0, 0, inf),
		dampening: a.float("dampening", 0, math.Inf(-1), inf), nesterov: a.bool("nesterov", false)}
	if o.nesterov && (o.momentum == 0 || o.dampening != 0) {
		a.fail("nesterov: want momentum above 0 and no dampening with it, have %v and %v", o.momentum, o.dampening)
	}
	return o
}

func (o sgd) States() []State {
	if o.momentum == 0 {
		return nil
	}
	return []State{{Name: "momentum_buffer"}}
}

func (o sgd) Hyper(rate float64, n int) (h Hyper) {
	h[kernel.HyperLR], h[kernel.HyperDecay] = float32(rate), float32(o.decay)
	h[kernel.HyperBeta1], h[kernel.HyperRest1] = float32(o.momentum), float32(1-o.dampening)
	if n == 1 { // torch's buffer begins as the first gradient, whatever the dampening
		h[kernel.HyperRest1] = 1
	}
	return h
}

func (o sgd) Record(r *tensor.Recorder, g Group) {
	if o.momentum == 0 {
		apply(r, tensor.SGD{Decay: g.Decay}, g)
		return
	}
	apply(r, tensor.SGDMomentum{Decay: g.Decay, Nesterov: o.nesterov}, g)
}
