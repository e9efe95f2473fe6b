package optim

import (
	"math"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// adamW is torch.optim.AdamW.
type adamW struct{ Settings }

func newAdamW(s Settings, _ *args) Rule { return adamW{s} }

func (adamW) States() []State { return []State{{Name: "exp_avg"}, {Name: "exp_avg_sq"}} }

func (o adamW) Hyper(rate float64, n int) (h Hyper) {
	h[kernel.HyperLR] = float32(rate)
	h[kernel.HyperBeta1], h[kernel.HyperBeta2] = float32(o.Beta1), float32(o.Beta2)
	h[kernel.HyperRest1], h[kernel.HyperRest2] = float32(1-o.Beta1), float32(1-o.Beta2)
	h[kernel.HyperEps], h[kernel.HyperDecay] = float32(o.Eps), float32(o.WeightDecay)
	h[kernel.HyperBias1] = float32(1 - math.Pow(o.Beta1, float64(n)))
	h[kernel.HyperBias2Root] = float32(math.Sqrt(1 - math.Pow(o.Beta2, float64(n))))
	return h
}

func (adamW) Record(r *tensor.Recorder, g Group) { apply(r, tensor.AdamW{Decay: g.Decay}, g) }
