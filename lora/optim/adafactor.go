package optim

import (
	"math"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// adafactor is transformers' Adafactor with a learning rate given from outside, as its Trainer makes it:
// scale_parameter and relative_step are off.
type adafactor struct {
	decay, eps1, eps2 float64
	clip, decayRate   float64
	beta1             float64
	momentum, scale   bool
}

func newAdafactor(s Settings, a *args) Rule {
	inf := math.Inf(1)
	_, momentum := s.Args["beta1"]
	o := adafactor{decay: s.WeightDecay, eps1: a.float("eps1", 1e-30, 0, inf), eps2: a.float("eps2", 1e-3, 0, inf),
		clip: a.float("clip_threshold", 1, 0, inf), decayRate: a.float("decay_rate", -0.8, -inf, 0),
		beta1: a.float("beta1", 0, 0, 1), momentum: momentum, scale: a.bool("scale_parameter", false)}
	if o.clip == 0 {
		a.fail("clip_threshold: want more than 0, have 0")
	}
	for _, key := range []string{"relative_step", "warmup_init"} {
		if a.bool(key, false) {
			a.fail("%s: want false, have true: the learning rate is the setting's, by its schedule", key)
		}
	}
	return o
}

func (o adafactor) States() []State {
	all := []State{
		{"exp_avg_sq_row", func(p tensor.Spec) tensor.Spec { return tensor.Of(p.Dim(0)) }},
		{"exp_avg_sq_col", func(p tensor.Spec) tensor.Spec { return tensor.Of(p.Len() / p.Dim(0)) }},
	}
	if o.momentum {
		all = append(all, State{Name: "exp_avg"})
	}
	return all
}

func (o adafactor) Hyper(rate float64, n int) (h Hyper) {
	rest := math.Pow(float64(n), o.decayRate)
	h[kernel.HyperLR], h[kernel.HyperDecay] = float32(rate), float32(o.decay)
	h[kernel.HyperBeta1], h[kernel.HyperRest1] = float32(o.beta1), float32(1-o.beta1)
	h[kernel.HyperBeta2], h[kernel.HyperRest2] = float32(1-rest), float32(rest)
	h[kernel.HyperEps], h[kernel.HyperClip] = float32(o.eps1), float32(o.clip)
	if o.scale {
		h[kernel.HyperLeast] = max(float32(o.eps2), 0x1p-126) // 0 would mean no scaling
	}
	return h
}

func (o adafactor) Record(r *tensor.Recorder, g Group) {
	op := tensor.Adafactor{Momentum: o.momentum}
	var state, grads []*tensor.Tensor
	for _, t := range g.Each {
		op.Decay = append(op.Decay, t.Decays)
		state = append(append(state, t.P), t.States...)
		grads = append(grads, t.G)
	}
	r.Apply(op, state, append(append(state[:len(state):len(state)], grads...), g.Hyper))
}
