package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// SwiGLU is y = silu(a)·b with x = a|b side by side, where silu(a) = a·σ(a).
//
//	x: [T, 2F]   y: [T, F]
//
// Backward saves x and recomputes σ(a).
type SwiGLU struct{}

func (SwiGLU) Infer(x []Spec) ([]Spec, error) {
	if len(x) != 1 || x[0].Rank() != 2 || x[0].Dim(1)%2 != 0 || x[0].DType != F32 {
		return nil, fmt.Errorf("swiglu: want x [T, 2F], have %v", x)
	}
	return []Spec{Of(x[0].Dim(0), x[0].Dim(1)/2)}, nil
}

func (SwiGLU) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	r.Run(kernel.SwiGLU{T: u32(y[0].Dim(0)), F: u32(y[0].Dim(1))}, y, x)
	return x
}

func (SwiGLU) Backward(r *Recorder, dy, saved []*Value, _ []bool) []*Value {
	dx := r.Temp(saved[0].Spec)
	r.Run(kernel.SwiGLUBack{T: u32(dy[0].Dim(0)), F: u32(dy[0].Dim(1))}, vs(dx), vs(dy[0], saved[0]))
	return vs(dx)
}
