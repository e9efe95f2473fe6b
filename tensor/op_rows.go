package tensor

import "fmt"

// Rows is y[i] = x[index[i]], a row of zeros where the index is negative. It has no gradient; CrossEntropy, which
// needs one, gathers its rows itself.
//
//	x: [T, C]   index: i32[S]   y: [S, C]
type Rows struct{}

func (Rows) Infer(x []Spec) ([]Spec, error) {
	if len(x) != 2 || x[0].Rank() != 2 || !x[0].float() || x[1].Rank() != 1 || x[1].DType != I32 {
		return nil, fmt.Errorf("rows: want x [T, C] and index i32[S], have %v", x)
	}
	return []Spec{Of(x[1].Dim(0), x[0].Dim(1))}, nil
}

func (Rows) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	gather(r, y[0], matrix{w: x[0]}, x[1], nil)
	return nil
}
