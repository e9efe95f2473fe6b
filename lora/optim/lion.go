package optim

import (
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// lion is bitsandbytes' Lion with a state of 32 bits, which transformers gives the betas of Adam.
type lion struct{ Settings }

func newLion(s Settings, _ *args) Rule { return lion{s} }

func (lion) States() []State { return []State{{Name: "exp_avg"}} }

func (o lion) Hyper(rate float64, _ int) (h Hyper) {
	h[kernel.HyperLR], h[kernel.HyperDecay] = float32(rate), float32(o.WeightDecay)
	h[kernel.HyperBeta1], h[kernel.HyperBeta2] = float32(o.Beta1), float32(o.Beta2)
	h[kernel.HyperRest1], h[kernel.HyperRest2] = float32(1-o.Beta1), float32(1-o.Beta2)
	return h
}

func (lion) Record(r *tensor.Recorder, g Group) { apply(r, tensor.Lion{Decay: g.Decay}, g) }
