package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// Add is y = a + b. Both gradients are dy itself.
//
//	a, b, y: [...], equal shapes
type Add struct{}

func (Add) Infer(x []Spec) ([]Spec, error) {
	if len(x) != 2 || x[0] != x[1] || x[0].DType != F32 {
		return nil, fmt.Errorf("add: want two equal shapes, have %v", x)
	}
	return x[:1], nil
}

func (Add) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	r.RunInPlace(kernel.Add{N: u32(y[0].Len())}, x[0], y, x[1:])
	return nil
}

func (Add) Backward(_ *Recorder, dy, _ []*Value, _ []bool) []*Value { return vs(dy[0], dy[0]) }

// AddBias is y = x with b added to its columns from Off on.
//
//	x, y: [T, N]   b: [M], M ≤ N−Off
type AddBias struct{ Off int }

func (op AddBias) Infer(x []Spec) ([]Spec, error) {
	if len(x) != 2 || x[0].Rank() != 2 || x[1].Rank() != 1 || x[0].DType != F32 ||
		x[1].DType != F32 || op.Off < 0 || op.Off+x[1].Dim(0) > x[0].Dim(1) {
		return nil, fmt.Errorf("add_bias: want x [T, N] and b [≤ N−%d], have %v", op.Off, x)
	}
	return x[:1], nil
}

func (op AddBias) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	s := kernel.AddBias{T: u32(y[0].Dim(0)), N: u32(x[1].Dim(0)), Stride: u32(y[0].Dim(1)), Off: u32(op.Off)}
	r.RunInPlace(s, x[0], y, x[1:])
	return x[1:]
}

func (op AddBias) Backward(r *Recorder, dy, saved []*Value, need []bool) []*Value {
	d := vs(dy[0], nil)
	if need[1] {
		d[1] = r.Temp(saved[0].Spec)
		s := kernel.SumRows{T: u32(dy[0].Dim(0)), N: u32(d[1].Len()), Stride: u32(dy[0].Dim(1)), Off: u32(op.Off)}
		r.Run(s, vs(d[1]), dy)
	}
	return d
}
