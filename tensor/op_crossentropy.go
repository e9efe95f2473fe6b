package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// CrossEntropy is the output head and the loss in one: y = scale·Σ −log softmax(x[rows[i]]·wᵀ)[labels[i]].
//
//	x: [T, C]   w: [V, C] f32|f16|bf16   rows, labels: i32[S]   slots: i32[T]   scale: [1]   y: [1]
//
// Only the supervised rows of x are computed: rows lists them, negative entries (with negative labels) fill up S, and
// slots is the inverse, slots[rows[i]] = i, negative elsewhere. The logits of one chunk of rows exist at a time;
// the gradient for x is made from them at once, in the forward, and Backward only scatters it. w is frozen.
type CrossEntropy struct {
	Precision uint32 // kernel.Exact or kernel.RoundBF16
	Chunk     int    // rows whose logits exist at a time, rounded up to a multiple of 64; 0 means 256
}

func (op CrossEntropy) Infer(x []Spec) ([]Spec, error) {
	if len(x) != 6 || x[0].Rank() != 2 || x[0].DType != F32 || !x[1].float() || x[1].Rank() != 2 ||
		x[0].Dim(1) != x[1].Dim(1) || x[2].Rank() != 1 ||
		x[2].DType != I32 ||
		x[3] != IntsOf(x[0].Dim(0)) || x[4] != x[2] || x[5] != Of(1) {
		return nil, fmt.Errorf("cross_entropy: want x [T, C], w [V, C], rows i32[S], slots i32[T], "+
			"labels i32[S], scale [1], have %v", x)
	}
	return []Spec{Of(1)}, nil
}

func (op CrossEntropy) Forward(r *Recorder, y, x []*Value, need []bool) []*Value {
	w, labels, scale := x[1], x[4], x[5]
	if need[1] {
		r.Fail(fmt.Errorf("cross_entropy: want a frozen head, have one that needs a gradient"))
	}
	s, c, v := labels.Len(), w.Dim(1), w.Dim(0)
	xs, loss := r.Temp(Of(s, c)), r.Temp(Of(s))
	gather(r, xs, x[0], x[2], nil)
	var dxs *Value
	if need[0] {
		dxs = r.Temp(xs.Spec)
	}
	chunk := op.chunkOf(s, r.rowsPerOperand(s, int64(v)*4))
	for first := 0; first < s; first += chunk {
		n := min(chunk, s-first)
		z := r.Temp(Of(n, v))
		linear(r, z, r.Slice(xs, first, n), matrix{w: w}, nil, op.Precision)
		r.Run(kernel.CrossEntropy{Rows: u32(n), Cols: u32(v)}, vs(z, r.Slice(loss, first, n)),
			vs(r.Slice(labels, first, n), scale))
		if need[0] {
			linearBack(r, r.Slice(dxs, first, n), z, matrix{w: w}, op.Precision)
		}
	}
	r.Run(kernel.Sum{N: u32(s)}, y, vs(loss, scale))
	return vs(dxs, x[3])
}

// chunkOf divides rows into chunks of about equal size: a small last one would read all of w for little. Multiples of
// 64 rows keep slices aligned.
func (op CrossEntropy) chunkOf(rows, most int) int {
	chunk := op.Chunk
	if chunk <= 0 {
		chunk = 256
	}
	chunk = min((chunk+63)/64*64, most)
	chunks := (rows + chunk - 1) / chunk
	return min(((rows+chunks-1)/chunks+63)/64*64, chunk)
}

func (op CrossEntropy) Backward(r *Recorder, dy, saved []*Value, need []bool) []*Value {
	d := make([]*Value, 6)
	if need[0] {
		d[0] = r.Temp(Of(saved[1].Len(), saved[0].Dim(1)))
		gather(r, d[0], saved[0], saved[1], dy[0])
	}
	return d
}
