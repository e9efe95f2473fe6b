package lora

import (
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/vulora/vulora/autograd"
	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/lora/optim"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// TrainerOptions are the settings of a single step.
type TrainerOptions struct {
	Optimizer
	Seed         uint64          // of dropout and of NEFTune's noise
	NEFTuneAlpha float64         // of the noise on the embeddings, see neftune; 0 means none
	Recompute    bool            // keep few activations and compute them again in the backward pass
	Profile      *tensor.Profile // if not nil, gets the times of all launches
}

// A trainer does optimizer steps on an adapter. A step is one or more passes, whose gradients add up, and one update.
type trainer struct {
	model   *qwen2.Model
	adapter *Adapter
	o       TrainerOptions

	grad, sum   *tensor.Tensor // slabs: the gradients of a pass and of the step
	rule        optim.Rule
	moments     []moment // of the optimizer
	in          *batchInputs
	noise       *neftune          // nil without it
	scale, keep *tensor.Tensor    // [1]: 1/items; 0 in a step's first pass, 1 in the others
	one, key    *tensor.Tensor    // [1]: dL/dL; i32[3]: dropout's seed, step, and tokens of the step before the pass
	hyper       [2]*tensor.Tensor // [kernel.HyperLen] for A and for the rest
	microLoss   *tensor.Tensor    // [1]
	loss, stats *tensor.Tensor    // [1], [4]: what a step reports
	owned       []*tensor.Tensor

	micro  *tensor.Programs[size]
	update *tensor.Programs[string]
	done   counters

	// What goes to the device and comes back in each step, here so that a step allocates nothing.
	host struct {
		scale, keep, loss [1]float32
		key               [3]int32
		hyper             optim.Hyper
		stats             [4]float32
	}

	largest  size // of the first program
	launches int  // of the first program
}

// stepResult is what one step did.
type stepResult struct {
	Skipped  bool    // the loss or a gradient was not finite: adapter and optimizer are as they were
	Loss     float64 // sum of the cross-entropies over the number of items
	GradNorm float64 // L2 norm of all gradients before clipping
	Tokens   int     // without padding
	Items    int     // what the loss was divided by
}

// newTrainer returns a trainer for passes like the given ones, which need not be all: memory is made for the largest.
func newTrainer(m *qwen2.Model, a *Adapter, o TrainerOptions, passes iter.Seq[[]data.Example]) (*trainer, error) {
	t := &trainer{model: m, adapter: a, o: o}
	var err error
	if t.rule, err = o.rule(); err != nil {
		return nil, fmt.Errorf("lora: %w", err)
	}
	t.largest = size{8, 8}
	for b := range passes {
		z := sizeOf(b)
		t.largest = size{max(t.largest.tokens, z.tokens), max(t.largest.rows, z.rows)}
	}
	compile := kernel.CompileOptions{Profile: o.Profile != nil}
	t.micro = tensor.NewPrograms[size](m.Device, compile)
	t.update = tensor.NewPrograms[string](m.Device, compile)
	err = t.allocate()
	if err == nil {
		err = t.one.WriteFloats([]float32{1})
	}
	if err == nil { // the largest first, so that the workspace need not grow
		var p tensor.Compiled
		p, err = t.program(t.largest)
		t.launches = p.Launches
	}
	if err == nil {
		_, err = t.updateProgram()
	}
	if err == nil {
		_, err = t.normProgram()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lora: trainer for %d tokens: %w", t.largest.tokens, err), t.Close())
	}
	return t, nil
}

// program returns the program that adds the gradients of a pass to the step's.
func (t *trainer) program(z size) (tensor.Compiled, error) {
	return t.micro.Get(z, func(r *tensor.Recorder) {
		tape := autograd.NewTape(r)
		p := t.in.of(z)
		sup := p.supervision
		sup.Scale = t.scale
		g := t.adapter.forModel(t.key)
		loss := t.model.Loss(tape, p.in, sup, qwen2.GraphOptions{Adapters: g, Recompute: t.o.Recompute,
			Noise: t.noise.of(z, t.key)})
		if r.Err() != nil {
			return
		}
		r.Place(loss.Value, t.microLoss)
		if err := tape.Backward(loss, r.Bind(t.one)); err != nil {
			return
		}
		t.placeGradients(r, tape)
		r.In("accumulation", func() {
			r.Apply(tensor.Accumulate{}, []*tensor.Tensor{t.sum}, []*tensor.Tensor{t.sum, t.grad, t.keep})
			r.Apply(tensor.Accumulate{}, []*tensor.Tensor{t.loss}, []*tensor.Tensor{t.loss, t.microLoss, t.keep})
		})
	})
}

// placeGradients lets every parameter's gradient lie in the gradients' slab.
func (t *trainer) placeGradients(r *tensor.Recorder, tape *autograd.Tape) {
	for i, p := range t.adapter.params {
		g := tape.Grad(tape.Param(p))
		if g == nil {
			r.Fail(fmt.Errorf("lora: want a gradient of %s, have none", t.adapter.layout.slots[i].key))
			return
		}
		r.Place(g, t.adapter.layout.view(t.grad, i))
	}
}

// Step does one optimizer step on passes with the given learning rate. items is what the loss is divided by: the number
// of supervised tokens of all of them (data.NumItems). Random numbers belong to the rows in their order: they are the
// same however the rows are cut into passes.
func (t *trainer) Step(passes [][]data.Example, items int, learningRate float64) (stepResult, error) {
	res := stepResult{Items: items}
	t.host.scale[0] = 0
	if items > 0 {
		t.host.scale[0] = float32(1 / float64(items))
	}
	if err := t.scale.WriteFloats(t.host.scale[:]); err != nil {
		return res, err
	}
	for i, b := range passes {
		if err := t.pass(b, i > 0, res.Tokens); err != nil {
			return res, err
		}
		for _, e := range b {
			res.Tokens += len(e.IDs)
		}
	}
	t.done.Steps++
	err := t.apply(&res, learningRate)
	return res, err
}

// apply measures the step's gradients and, unless something is not finite, changes the adapter by them.
func (t *trainer) apply(res *stepResult, learningRate float64) error {
	if err := t.writeHyper(learningRate, t.done.Updates+1); err != nil {
		return err
	}
	norm, err := t.normProgram()
	if err == nil {
		err = t.launch(norm)
	}
	if err != nil {
		return err
	}
	h := &t.host
	if err := t.loss.ReadFloats(h.loss[:]); err != nil {
		return err
	}
	if err := t.stats.ReadFloats(h.stats[:]); err != nil {
		return err
	}
	res.Loss, res.GradNorm = float64(h.loss[0]), float64(h.stats[0])
	if math.IsNaN(res.Loss) || math.IsInf(res.Loss, 0) || h.stats[2] != 0 {
		res.Skipped = true
		return nil
	}
	update, err := t.updateProgram()
	if err != nil {
		return err
	}
	t.done.Updates++
	return t.launch(update)
}

// pass adds the gradients of b to the step's, or begins with them. before counts the tokens of the passes before it.
func (t *trainer) pass(b []data.Example, add bool, before int) error {
	z := sizeOf(b)
	if z.tokens > t.largest.tokens || z.rows > t.largest.rows {
		if err := t.grow(z); err != nil {
			return err
		}
	}
	p, err := t.program(z)
	if err != nil {
		return err
	}
	h := &t.host
	h.keep[0] = 0
	if add {
		h.keep[0] = 1
	}
	h.key = [3]int32{int32(uint32(t.o.Seed ^ t.o.Seed>>32)), int32(t.done.Steps), int32(before)}
	if err := t.in.write(b, z); err != nil {
		return err
	}
	if err := t.noise.write(b, z, t.model.Config.Hidden); err != nil {
		return err
	}
	if err := t.keep.WriteFloats(h.keep[:]); err != nil {
		return err
	}
	if err := t.key.WriteInts(h.key[:]); err != nil {
		return err
	}
	return t.launch(p)
}

func (t *trainer) launch(p tensor.Compiled) error {
	err := p.Run()
	if err == nil && t.o.Profile != nil {
		t.o.Profile.Add(p)
	}
	return err
}
