package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// Noise is y[t] = x[t] + amplitude[t]·u with u uniform in [−1, 1) for each element, by the random key.
//
//	x, y: [T, C]   key: i32[3] (seed, step, rows before the first)   amplitude: [T]
//
// The noise is a function of key, Site and the element's index: it is nowhere kept, and the same for a row
// whichever rows are computed with it, where C is even. The gradient is dy itself.
type Noise struct{ Site uint32 }

func (op Noise) Infer(x []Spec) ([]Spec, error) {
	if len(x) != 3 || x[0].Rank() != 2 || x[0].DType != F32 || x[1] != IntsOf(3) || x[2] != Of(x[0].Dim(0)) {
		return nil, fmt.Errorf("noise: want x [T, C], key i32[3] and amplitude [T], have %v", x)
	}
	return x[:1], nil
}

func (op Noise) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	s := kernel.Noise{Rows: u32(x[0].Dim(0)), Cols: u32(x[0].Dim(1)), Site: op.Site}
	r.RunInPlace(s, x[0], y, x[1:])
	return nil
}

func (op Noise) Backward(_ *Recorder, dy, _ []*Value, _ []bool) []*Value { return vs(dy[0], nil, nil) }
