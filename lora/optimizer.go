package lora

import (
	"fmt"
	"math"

	"github.com/vulora/vulora/lora/optim"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// Optimizer has the settings of the optimizer, with transformers' names.
type Optimizer struct {
	Name              string            // of optim.Names; empty means adamw_torch
	Args              map[string]string // optim_args
	Beta1, Beta2, Eps float64
	WeightDecay       float64 // not of biases
	MaxGradNorm       float64 // gradients are scaled down to this norm; 0 means never
	// LoRAPlusRatio is the learning rate of B and of vectors over that of A (Hayou et al., LoRA+, 2024); 0 means 1.
	LoRAPlusRatio float64
}

// rule returns the optimizer itself.
func (o *Optimizer) rule() (optim.Rule, error) {
	r, err := optim.New(optim.Settings{Name: o.Name, Beta1: o.Beta1, Beta2: o.Beta2, Eps: o.Eps,
		WeightDecay: o.WeightDecay, Args: o.Args})
	if err != nil {
		return nil, fmt.Errorf("optimizer: %w", err)
	}
	return r, nil
}

// ratio is that of LoRA+, 1 without it.
func (o *Optimizer) ratio() float64 {
	if o.LoRAPlusRatio == 0 {
		return 1
	}
	return o.LoRAPlusRatio
}

// A moment is what an optimizer remembers of each parameter, in a slab of its own.
type moment struct {
	layout *layout
	slab   *tensor.Tensor
	whole  bool // every parameter has as many elements here
}

// newMoments makes what the rule remembers; the tensors of each state are called NAME.KEY.
func (t *trainer) newMoments() error {
	for _, s := range t.rule.States() {
		l := newLayout(t.model.Device.Info())
		for _, p := range t.adapter.layout.slots {
			spec := p.spec
			if s.Of != nil {
				spec = s.Of(spec)
			}
			l.add(s.Name+"."+p.key, spec)
		}
		slab, err := tensor.New(t.model.Device, tensor.Of(l.elements), kernel.Optimizer)
		if err != nil {
			return fmt.Errorf("optimizer: %s: %w", s.Name, err)
		}
		t.owned = append(t.owned, slab)
		t.moments = append(t.moments, moment{l, slab, s.Of == nil})
	}
	return nil
}

// normProgram returns the program that measures the step's gradients and clips them.
func (t *trainer) normProgram() (tensor.Compiled, error) {
	return t.update.Get("norm", func(r *tensor.Recorder) {
		r.In("optimizer", func() {
			r.Apply(tensor.ClipNorm{}, []*tensor.Tensor{t.sum, t.stats}, []*tensor.Tensor{t.sum, t.hyper[0]})
		})
	})
}

// updateProgram returns the program that changes the adapter.
func (t *trainer) updateProgram() (tensor.Compiled, error) {
	return t.update.Get("update", func(r *tensor.Recorder) {
		r.In("optimizer", func() {
			l, n := t.adapter.layout, len(t.adapter.layout.slots)
			if t.o.ratio() == 1 {
				t.rule.Record(r, t.group(0, n, t.hyper[0]))
				return
			}
			first := 0 // of the slots of the second half
			for first < n && l.slots[first].offset < l.second {
				first++
			}
			t.rule.Record(r, t.group(0, first, t.hyper[0]))
			t.rule.Record(r, t.group(first, n, t.hyper[1]))
		})
	})
}

// group returns the slots from first up to last, which have the same learning rate.
func (t *trainer) group(first, last int, hyper *tensor.Tensor) optim.Group {
	l := t.adapter.layout
	begin, end := l.slots[first].offset, l.elements
	if last < len(l.slots) {
		end = l.slots[last].offset
	}
	part := func(slab *tensor.Tensor) *tensor.Tensor {
		return &tensor.Tensor{Spec: tensor.Of(end - begin), Buffer: slab.Buffer, Offset: slab.Offset + 4*int64(begin)}
	}
	g := optim.Group{Whole: optim.Tensor{P: part(t.adapter.slab), G: part(t.sum)},
		Decay: min(max(l.decay-begin, 0), end-begin), Hyper: hyper}
	for _, m := range t.moments {
		if m.whole {
			g.Whole.States = append(g.Whole.States, part(m.slab))
		}
	}
	for i := first; i < last; i++ {
		p := optim.Tensor{P: l.view(t.adapter.slab, i), G: l.view(t.sum, i), Decays: l.slots[i].offset < l.decay}
		for _, m := range t.moments {
			p.States = append(p.States, m.layout.view(m.slab, i))
		}
		g.Each = append(g.Each, p)
	}
	return g
}

// writeHyper sets what the optimizer reads in the update number n, from 1.
func (t *trainer) writeHyper(learningRate float64, n int) error {
	rates := [...]float64{learningRate, learningRate * t.o.ratio()}
	for i, hyper := range t.hyper {
		h := &t.host.hyper
		*h = t.rule.Hyper(rates[i], n)
		h[kernel.HyperMaxNorm] = float32(math.Inf(1))
		if t.o.MaxGradNorm > 0 {
			h[kernel.HyperMaxNorm] = float32(t.o.MaxGradNorm)
		}
		if err := hyper.WriteFloats(h[:]); err != nil {
			return err
		}
	}
	return nil
}
