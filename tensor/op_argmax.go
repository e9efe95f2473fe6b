package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// ArgMax is y[i] = the index of the largest element of row i, the lowest among equals. It has no gradient.
//
//	x: [T, V]   y: i32[T]
type ArgMax struct{}

func (ArgMax) Infer(x []Spec) ([]Spec, error) {
	if len(x) != 1 || x[0].Rank() != 2 || x[0].DType != F32 {
		return nil, fmt.Errorf("argmax: want x [T, V], have %v", x)
	}
	return []Spec{IntsOf(x[0].Dim(0))}, nil
}

func (ArgMax) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	r.Run(kernel.ArgMax{Rows: u32(x[0].Dim(0)), Cols: u32(x[0].Dim(1))}, y, x)
	return nil
}
