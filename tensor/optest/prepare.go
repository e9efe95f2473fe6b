package optest

import (
	"math/rand/v2"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// A Run is a row of the table compiled on a device, forward and backward, to be timed.
type Run struct {
	tensor.Program
	k *check
}

// Prepare compiles c with random operands.
func Prepare(d kernel.Device, c Case) (*Run, error) {
	k := &check{device: d, c: c, rng: rand.New(rand.NewPCG(1, 2))}
	p, err := k.compile()
	if err != nil {
		k.free()
		return nil, err
	}
	return &Run{p, k}, nil
}

// Bytes returns the size of the operands, results and gradients.
func (r *Run) Bytes() (n int64) {
	for _, t := range r.k.all {
		n += t.Bytes()
	}
	return n
}

// Close frees the program and its memory.
func (r *Run) Close() error {
	err := r.Program.Close()
	r.k.free()
	return err
}
