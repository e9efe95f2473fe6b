package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// Accumulate is sum = g where keep[0] is 0, and sum + g elsewhere. It changes sum, and has no gradient.
//
//	sum, g: [N]   keep: [1]
type Accumulate struct{}

func (Accumulate) Infer(x []Spec) ([]Spec, error) {
	if len(x) != 3 || x[0] != Of(x[0].Len()) || x[1] != x[0] || x[2] != Of(1) {
		return nil, fmt.Errorf("accumulate: want sum and g [N] and keep [1], have %v", x)
	}
	return x[:1], nil
}

func (Accumulate) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	own(r, y, x)
	tiles(r, y[0].Len(), func(first, n int) {
		r.Run(kernel.Accumulate{N: u32(n)}, vs(r.Slice(y[0], first, n)), vs(r.Slice(x[1], first, n), x[2]))
	})
	return nil
}
