package lora

import (
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/vulora/vulora/autograd"
	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// AdamW has the optimizer's settings, with torch's names.
type AdamW struct {
	Beta1, Beta2, Eps float64
	WeightDecay       float64 // of the matrices, not of biases
	MaxGradNorm       float64 // gradients are scaled down to this norm; 0 means never
}

// TrainerOptions are the settings of a single step.
type TrainerOptions struct {
	AdamW
	Seed      uint64          // of dropout
	Recompute bool            // keep few activations and compute them again in the backward pass
	Profile   *tensor.Profile // if not nil, gets the times of all launches
}

// A trainer does optimizer steps on an adapter. A step is one or more micro-batches, whose gradients add up, and one
// update.
type trainer struct {
	model   *qwen2.Model
	adapter *Adapter
	o       TrainerOptions

	grad, sum, m, v *tensor.Tensor // slabs: of a micro-batch, of the step, and the moments
	in              *batchInputs
	scale, keep     *tensor.Tensor // [1]: 1/items; 0 in a step's first micro-batch, 1 in the others
	one, key        *tensor.Tensor // [1]: dL/dL; i32[2]: dropout's seed and micro-batch number
	hyper           *tensor.Tensor // [kernel.HyperLen]
	microLoss       *tensor.Tensor // [1]
	loss, stats     *tensor.Tensor // [1], [4]: what a step reports
	owned           []*tensor.Tensor

	micro  *tensor.Programs[size]
	update *tensor.Programs[bool]
	steps  int // done
	micros int // done

	// What goes to the device and comes back in each step, here so that a step allocates nothing.
	host struct {
		scale, keep, loss [1]float32
		key               [2]int32
		hyper             [kernel.HyperLen]float32
		stats             [4]float32
	}

	largest  size // of the first program
	launches int  // of the first program
}

// stepResult is what one step did.
type stepResult struct {
	Loss     float64 // sum of the cross-entropies over the number of items
	GradNorm float64 // L2 norm of all gradients before clipping
	Tokens   int     // without padding
	Items    int     // what the loss was divided by
}

// ErrNotFinite is returned by Step when a loss or a gradient is NaN or infinite. The adapter is not usable then.
var ErrNotFinite = errors.New("loss or gradient is not finite")

// newTrainer returns a trainer for micro-batches like the given ones, which need not be all: memory is made for the
// largest.
func newTrainer(m *qwen2.Model, a *Adapter, o TrainerOptions, batches iter.Seq[[]data.Example]) (*trainer, error) {
	t := &trainer{model: m, adapter: a, o: o}
	t.largest = size{8, 8}
	for b := range batches {
		z := sizeOf(b)
		t.largest = size{max(t.largest.tokens, z.tokens), max(t.largest.rows, z.rows)}
	}
	compile := kernel.CompileOptions{Profile: o.Profile != nil}
	t.micro = tensor.NewPrograms[size](m.Device, compile)
	t.update = tensor.NewPrograms[bool](m.Device, compile)
	err := t.allocate()
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
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lora: trainer for %d tokens: %w", t.largest.tokens, err), t.Close())
	}
	return t, nil
}

func (t *trainer) allocate() (err error) {
	d, n := t.model.Device, t.adapter.layout.elements
	for _, f := range []struct {
		t **tensor.Tensor
		s tensor.Spec
		p kernel.Purpose
	}{{&t.grad, tensor.Of(n), kernel.Adapter}, {&t.sum, tensor.Of(n), kernel.Adapter},
		{&t.m, tensor.Of(n), kernel.Optimizer},
		{&t.v, tensor.Of(n), kernel.Optimizer}, {&t.scale, tensor.Of(1), kernel.Staging},
		{&t.keep, tensor.Of(1), kernel.Staging},
		{&t.one, tensor.Of(1), kernel.Staging}, {&t.key, tensor.IntsOf(2), kernel.Staging},
		{&t.hyper, tensor.Of(kernel.HyperLen), kernel.Staging},
		{&t.microLoss, tensor.Of(1), kernel.Staging}, {&t.loss, tensor.Of(1), kernel.Staging},
		{&t.stats, tensor.Of(4), kernel.Staging}} {
		if *f.t, err = tensor.New(d, f.s, f.p); err != nil {
			return err
		}
		t.owned = append(t.owned, *f.t)
	}
	t.in, err = newBatchInputs(d, t.largest)
	return err
}

// program returns the program that adds the gradients of a micro-batch to the step's.
func (t *trainer) program(z size) (tensor.Compiled, error) {
	return t.micro.Get(z, func(r *tensor.Recorder) {
		tape := autograd.NewTape(r)
		p := t.in.of(z)
		sup := p.supervision
		sup.Scale = t.scale
		g := t.adapter.forModel(t.key)
		loss := t.model.Loss(tape, p.in, sup, qwen2.GraphOptions{Adapters: g, Recompute: t.o.Recompute})
		if r.Err() != nil {
			return
		}
		r.Place(loss.Value, t.microLoss)
		if err := tape.Backward(loss, r.Bind(t.one)); err != nil {
			return
		}
		t.placeGradients(r, tape)
		r.In("accumulation", func() {
			tensor.Accumulate(r, t.sum, t.grad, t.keep)
			tensor.Accumulate(r, t.loss, t.microLoss, t.keep)
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

// Step does one optimizer step on micro-batches with the given learning rate. items is what the loss is divided by: the
// number of supervised tokens of all of them (data.NumItems).
func (t *trainer) Step(batches [][]data.Example, items int, learningRate float64) (stepResult, error) {
	res := stepResult{Items: items}
	t.host.scale[0] = 0
	if items > 0 {
		t.host.scale[0] = float32(1 / float64(items))
	}
	if err := t.scale.WriteFloats(t.host.scale[:]); err != nil {
		return res, err
	}
	for i, b := range batches {
		if err := t.runMicro(b, i > 0); err != nil {
			return res, err
		}
		for _, e := range b {
			res.Tokens += len(e.IDs)
		}
	}
	if err := t.runUpdate(learningRate); err != nil {
		return res, err
	}
	h := &t.host
	if err := t.loss.ReadFloats(h.loss[:]); err != nil {
		return res, err
	}
	if err := t.stats.ReadFloats(h.stats[:]); err != nil {
		return res, err
	}
	res.Loss, res.GradNorm = float64(h.loss[0]), float64(h.stats[0])
	if math.IsNaN(res.Loss) || math.IsInf(res.Loss, 0) || h.stats[2] != 0 {
		return res, fmt.Errorf("lora: step %d: %w: loss %v, gradient norm %v: lower the learning rate or look at the data",
			t.steps, ErrNotFinite, res.Loss, res.GradNorm)
	}
	return res, nil
}

func (t *trainer) runMicro(b []data.Example, add bool) error {
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
	h.key = [2]int32{int32(uint32(t.o.Seed ^ t.o.Seed>>32)), int32(t.micros)}
	if err := t.in.write(b, z); err != nil {
		return err
	}
	if err := t.keep.WriteFloats(h.keep[:]); err != nil {
		return err
	}
	if err := t.key.WriteInts(h.key[:]); err != nil {
		return err
	}
	t.micros++
	return t.launch(p)
}

func (t *trainer) launch(p tensor.Compiled) error {
	err := p.Run()
	if err == nil && t.o.Profile != nil {
		t.o.Profile.Add(p)
	}
	return err
}

// grow makes room for a micro-batch larger than all that newTrainer was told of.
func (t *trainer) grow(z size) error {
	if err := t.micro.Close(); err != nil {
		return err
	}
	larger := size{max(z.tokens, t.largest.tokens), max(z.rows, t.largest.rows)}
	in, err := newBatchInputs(t.model.Device, larger)
	if err != nil {
		return fmt.Errorf("lora: micro-batch of %d tokens: %w", z.tokens, err)
	}
	t.in.free()
	t.in, t.largest = in, larger
	return nil
}

// updateProgram returns the program that clips the step's gradients and changes the adapter.
func (t *trainer) updateProgram() (tensor.Compiled, error) {
	return t.update.Get(true, func(r *tensor.Recorder) {
		r.In("optimizer", func() {
			tensor.ClipNorm(r, t.sum, t.stats, t.hyper)
			tensor.AdamW(r, t.adapter.slab, t.sum, t.m, t.v, t.hyper, t.adapter.layout.decay)
		})
	})
}

func (t *trainer) runUpdate(learningRate float64) error {
	p, err := t.updateProgram()
	if err != nil {
		return err
	}
	t.steps++
	n := float64(t.steps)
	h := &t.host.hyper
	h[kernel.HyperLR], h[kernel.HyperBeta1], h[kernel.HyperBeta2] = float32(learningRate), float32(t.o.Beta1),
		float32(t.o.Beta2)
	h[kernel.HyperEps], h[kernel.HyperDecay] = float32(t.o.Eps), float32(t.o.WeightDecay)
	h[kernel.HyperBias1] = float32(1 - math.Pow(t.o.Beta1, n))
	h[kernel.HyperBias2Root] = float32(math.Sqrt(1 - math.Pow(t.o.Beta2, n)))
	h[kernel.HyperRest1], h[kernel.HyperRest2] = float32(1-t.o.Beta1), float32(1-t.o.Beta2)
	h[kernel.HyperMaxNorm] = float32(math.Inf(1))
	if t.o.MaxGradNorm > 0 {
		h[kernel.HyperMaxNorm] = float32(t.o.MaxGradNorm)
	}
	if err := t.hyper.WriteFloats(h[:]); err != nil {
		return err
	}
	return t.launch(p)
}

// Steps returns the number of steps done.
func (t *trainer) Steps() int { return t.steps }

// Close frees the trainer's memory and programs. It may be called more than once.
func (t *trainer) Close() error {
	err := errors.Join(t.micro.Close(), t.update.Close())
	for _, x := range t.owned {
		x.Free()
	}
	t.owned = nil
	if t.in != nil {
		t.in.free()
	}
	return err
}
