package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// RMSNorm is y = x·w/√(mean(x²) + Eps), over the last dimension.
//
//	x, y: [..., C]   w: [C]
//
// Backward saves x, w and the reciprocal root of each row.
type RMSNorm struct{ Eps float32 }

func (RMSNorm) Infer(x []Spec) ([]Spec, error) {
	if len(x) != 2 || x[1].Rank() != 1 || x[0].Dim(-1) != x[1].Dim(0) || x[0].DType != F32 || x[1].DType != F32 {
		return nil, fmt.Errorf("rmsnorm: want x [..., C] and w [C], have %v", x)
	}
	return x[:1], nil
}

func (op RMSNorm) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	root := r.Temp(Of(x[0].Rows()))
	r.Run(kernel.RMSNorm{Rows: u32(x[0].Rows()), Cols: u32(x[0].Dim(-1)), Eps: op.Eps}, vs(y[0], root), x)
	return vs(x[0], x[1], root)
}

func (op RMSNorm) Backward(r *Recorder, dy, saved []*Value, need []bool) []*Value {
	return rmsnormBack(r, dy[0], nil, saved, need)
}

// ThroughRMSNorm is h = x, y = RMSNorm(x): AddRMSNorm where the sum has been made before. h lies in the memory of x.
//
//	x, h, y: [..., C]   w: [C]
type ThroughRMSNorm struct{ Eps float32 }

func (op ThroughRMSNorm) Infer(x []Spec) ([]Spec, error) {
	y, err := RMSNorm(op).Infer(x)
	return append(y[:len(y):len(y)], y...), err
}

func (op ThroughRMSNorm) Forward(r *Recorder, y, x []*Value, need []bool) []*Value {
	y[0].base = x[0]
	return RMSNorm(op).Forward(r, y[1:], x, need)
}

func (op ThroughRMSNorm) Backward(r *Recorder, dy, saved []*Value, need []bool) []*Value {
	if dy[1] == nil {
		return vs(dy[0], nil)
	}
	return rmsnormBack(r, dy[1], dy[0], saved, need)
}

// AddRMSNorm is h = x + d, the residual stream after a block, and y = RMSNorm(h).
//
//	x, d, h, y: [..., C]   w: [C]
//
// Backward saves h, w and the reciprocal root of each row; x and d have the same gradient.
type AddRMSNorm struct{ Eps float32 }

func (AddRMSNorm) Infer(x []Spec) ([]Spec, error) {
	if len(x) != 3 || x[0] != x[1] || x[2].Rank() != 1 || x[0].Dim(-1) != x[2].Dim(0) || x[0].DType != F32 ||
		x[2].DType != F32 {
		return nil, fmt.Errorf("add_rmsnorm: want x and d [..., C] and w [C], have %v", x)
	}
	return []Spec{x[0], x[0]}, nil
}

func (op AddRMSNorm) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	root := r.Temp(Of(x[0].Rows()))
	r.Run(kernel.AddRMSNorm{Rows: u32(x[0].Rows()), Cols: u32(x[0].Dim(-1)), Eps: op.Eps}, vs(y[0], y[1], root), x)
	return vs(y[0], x[2], root)
}

func (op AddRMSNorm) Backward(r *Recorder, dy, saved []*Value, need []bool) []*Value {
	if dy[1] == nil {
		return vs(dy[0], dy[0], nil)
	}
	d := rmsnormBack(r, dy[1], dy[0], saved, []bool{need[0] || need[1], need[2]})
	return vs(d[0], d[0], d[1])
}

// rmsnormBack records the gradients for x, to which dh is added if it is not nil, and for w.
func rmsnormBack(r *Recorder, dy, dh *Value, saved []*Value, need []bool) []*Value {
	x, w, root := saved[0], saved[1], saved[2]
	rows, cols := u32(x.Rows()), u32(x.Dim(-1))
	d := make([]*Value, 2)
	if need[0] {
		in := vs(dy, x, w, root)
		if dh != nil {
			in = append(in, dh)
		}
		d[0] = r.Temp(x.Spec)
		r.Run(kernel.RMSNormBack{Rows: rows, Cols: cols, Add: flag(dh != nil)}, vs(d[0]), in)
	}
	if need[1] {
		d[1] = r.Temp(w.Spec)
		r.Run(kernel.RMSNormBackWeight{Rows: rows, Cols: cols}, vs(d[1]), vs(dy, x, root))
	}
	return d
}
