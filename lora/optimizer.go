package lora

import (
	"fmt"
	"math"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// Optimizer has the settings of the optimizer, with transformers' names.
type Optimizer struct {
	Beta1, Beta2, Eps float64
	WeightDecay       float64 // of the matrices, not of biases
	MaxGradNorm       float64 // gradients are scaled down to this norm; 0 means never
}

// A moment is what an optimizer remembers of each parameter, in a slab of its own.
type moment struct {
	layout *layout
	slab   *tensor.Tensor
}

// newMoment makes a moment with the layout of the adapter; its tensors are called name.KEY.
func (t *trainer) newMoment(name string) (*tensor.Tensor, error) {
	l := *t.adapter.layout
	l.slots, l.index = nil, map[string]int{}
	for i, s := range t.adapter.layout.slots {
		s.key = name + "." + s.key
		l.slots, l.index[s.key] = append(l.slots, s), i
	}
	slab, err := tensor.New(t.model.Device, tensor.Of(l.elements), kernel.Optimizer)
	if err != nil {
		return nil, fmt.Errorf("optimizer: %s: %w", name, err)
	}
	t.owned = append(t.owned, slab)
	t.moments = append(t.moments, moment{&l, slab})
	return slab, nil
}

// normProgram returns the program that measures the step's gradients and clips them.
func (t *trainer) normProgram() (tensor.Compiled, error) {
	return t.update.Get("norm", func(r *tensor.Recorder) {
		r.In("optimizer", func() { tensor.ClipNorm(r, t.sum, t.stats, t.hyper) })
	})
}

// updateProgram returns the program that changes the adapter.
func (t *trainer) updateProgram() (tensor.Compiled, error) {
	return t.update.Get("update", func(r *tensor.Recorder) {
		r.In("optimizer", func() {
			m, v := t.moments[0].slab, t.moments[1].slab
			tensor.AdamW(r, t.adapter.slab, t.sum, m, v, t.hyper, t.adapter.layout.decay)
		})
	})
}

// writeHyper sets what the optimizer reads in the update number n, from 1.
func (t *trainer) writeHyper(learningRate float64, n int) error {
	h, o, k := &t.host.hyper, &t.o.Optimizer, float64(n)
	h[kernel.HyperLR] = float32(learningRate)
	h[kernel.HyperBeta1], h[kernel.HyperBeta2] = float32(o.Beta1), float32(o.Beta2)
	h[kernel.HyperRest1], h[kernel.HyperRest2] = float32(1-o.Beta1), float32(1-o.Beta2)
	h[kernel.HyperEps], h[kernel.HyperDecay] = float32(o.Eps), float32(o.WeightDecay)
	h[kernel.HyperBias1] = float32(1 - math.Pow(o.Beta1, k))
	h[kernel.HyperBias2Root] = float32(math.Sqrt(1 - math.Pow(o.Beta2, k)))
	h[kernel.HyperMaxNorm] = float32(math.Inf(1))
	if o.MaxGradNorm > 0 {
		h[kernel.HyperMaxNorm] = float32(o.MaxGradNorm)
	}
	return t.hyper.WriteFloats(h[:])
}
