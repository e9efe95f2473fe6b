package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// Scale is y = K·x.
//
//	x, y: [...]
type Scale struct{ K float32 }

func (Scale) Infer(x []Spec) ([]Spec, error) {
	if len(x) != 1 || x[0].DType != F32 {
		return nil, fmt.Errorf("scale: want one operand, have %v", x)
	}
	return x, nil
}

func (op Scale) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	r.RunInPlace(kernel.Scale{N: u32(y[0].Len()), K: op.K}, x[0], y, nil)
	return nil
}

func (op Scale) Backward(r *Recorder, dy, _ []*Value, _ []bool) []*Value {
	dx := r.Temp(dy[0].Spec)
	r.RunInPlace(kernel.Scale{N: u32(dx.Len()), K: op.K}, dy[0], vs(dx), nil)
	return vs(dx)
}
