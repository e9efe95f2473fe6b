package lora

import (
	"errors"
	"fmt"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// allocate makes all that a trainer has on the device beside its programs.
func (t *trainer) allocate() (err error) {
	d, n := t.model.Device, t.adapter.layout.elements
	for _, f := range []struct {
		t **tensor.Tensor
		s tensor.Spec
		p kernel.Purpose
	}{{&t.grad, tensor.Of(n), kernel.Adapter}, {&t.sum, tensor.Of(n), kernel.Adapter},
		{&t.scale, tensor.Of(1), kernel.Staging},
		{&t.keep, tensor.Of(1), kernel.Staging},
		{&t.one, tensor.Of(1), kernel.Staging}, {&t.key, tensor.IntsOf(3), kernel.Staging},
		{&t.hyper[0], tensor.Of(kernel.HyperLen), kernel.Staging},
		{&t.hyper[1], tensor.Of(kernel.HyperLen), kernel.Staging},
		{&t.microLoss, tensor.Of(1), kernel.Staging}, {&t.loss, tensor.Of(1), kernel.Staging},
		{&t.stats, tensor.Of(4), kernel.Staging}} {
		if *f.t, err = tensor.New(d, f.s, f.p); err != nil {
			return err
		}
		t.owned = append(t.owned, *f.t)
	}
	if err := t.newMoments(); err != nil {
		return err
	}
	return t.allocateInputs(t.largest)
}

// allocateInputs makes what the host writes for micro-batches of up to a size, in place of what there was.
func (t *trainer) allocateInputs(largest size) error {
	in, err := newBatchInputs(t.model.Device, largest)
	if err != nil {
		return err
	}
	var noise *neftune
	if t.o.NEFTuneAlpha > 0 {
		if noise, err = newNEFTune(t.model.Device, t.o.NEFTuneAlpha, largest); err != nil {
			in.free()
			return err
		}
	}
	t.freeInputs()
	t.in, t.noise = in, noise
	return nil
}

func (t *trainer) freeInputs() {
	if t.in != nil {
		t.in.free()
	}
	t.noise.free()
}

// grow makes room for a pass larger than all that newTrainer was told of.
func (t *trainer) grow(z size) error {
	if err := t.micro.Close(); err != nil {
		return err
	}
	larger := size{max(z.tokens, t.largest.tokens), max(z.rows, t.largest.rows)}
	if err := t.allocateInputs(larger); err != nil {
		return fmt.Errorf("lora: pass of %d tokens: %w", z.tokens, err)
	}
	t.largest = larger
	return nil
}

// Close frees the trainer's memory and programs. It may be called more than once.
func (t *trainer) Close() error {
	err := errors.Join(t.micro.Close(), t.update.Close())
	for _, x := range t.owned {
		x.Free()
	}
	t.owned = nil
	t.freeInputs()
	return err
}
