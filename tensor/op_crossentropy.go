package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// CrossEntropy is the output head and the loss in one: y = scale·Σ −log softmax(x[rows[i]]·wᵀ)[labels[i]].
//
//	x: [T, C]   w: [V, C] f32|f16|bf16, or nf4|fp4|int8 and then its scales
//	rows, labels: i32[S]   slots: i32[T]   scale: [1]   y: [1]
//
// Only the supervised rows of x are computed: rows lists them, negative entries (with negative labels) fill up S, and
// slots is the inverse, slots[rows[i]] = i, negative elsewhere. The logits of one chunk of rows exist at a time;
// the gradient for x is made from them at once, in the forward, and Backward only scatters it. w is frozen.
type CrossEntropy struct {
	Quantized bool   // w has scales
	Precision uint32 // kernel.Exact or kernel.RoundBF16
	Chunk     int    // rows whose logits exist at a time, rounded up to a multiple of 64; 0 means 256
}

func (op CrossEntropy) Infer(x []Spec) ([]Spec, error) {
	rest := 2 + int(flag(op.Quantized)) // rows, slots, labels, scale
	if len(x) != rest+4 || x[0].Rank() != 2 || x[0].DType != F32 || x[1].Rank() != 2 || x[0].Dim(1) != x[1].Dim(1) ||
		x[rest].Rank() != 1 || x[rest].DType != I32 || x[rest+1] != IntsOf(x[0].Dim(0)) || x[rest+2] != x[rest] ||
		x[rest+3] != Of(1) {
		return nil, fmt.Errorf("cross_entropy: want x [T, C], w [V, C], its scales if it is quantised, rows i32[S], "+
			"slots i32[T], labels i32[S], scale [1], have %v", x)
	}
	w := x[1]
	if op.Quantized && (!w.DType.Quantized() || !wholeBlocks(w) || x[2] != scalesOf(w)) || !op.Quantized && !w.float() {
		return nil, fmt.Errorf("cross_entropy: want w of floats, or of codes with their scales, have %v", x[1:rest])
	}
	return []Spec{Of(1)}, nil
}

func (op CrossEntropy) Forward(r *Recorder, y, x []*Value, need []bool) []*Value {
	w := matrix{w: x[1]}
	if need[1] {
		r.Fail(fmt.Errorf("cross_entropy: want a frozen head, have one that needs a gradient"))
	}
	rest := x[2:]
	if op.Quantized {
		w.scales, rest = x[2], x[3:]
	}
	rows, slots, labels, scale := rest[0], rest[1], rest[2], rest[3]
	s, c, v := labels.Len(), w.w.Dim(1), w.w.Dim(0)
	xs, loss := r.Temp(Of(s, c)), r.Temp(Of(s))
	gather(r, xs, matrix{w: x[0]}, rows, nil)
	var dxs *Value
	if need[0] {
		dxs = r.Temp(xs.Spec)
	}
	chunk := op.chunkOf(s, r.rowsPerOperand(s, int64(v)*4))
	for first := 0; first < s; first += chunk {
		n := min(chunk, s-first)
		z := r.Temp(Of(n, v))
		linear(r, z, r.Slice(xs, first, n), w, nil, op.Precision)
		r.Run(kernel.CrossEntropy{Rows: u32(n), Cols: u32(v)}, vs(z, r.Slice(loss, first, n)),
			vs(r.Slice(labels, first, n), scale))
		if need[0] {
			linearBack(r, r.Slice(dxs, first, n), z, w, op.Precision)
		}
	}
	r.Run(kernel.Sum{N: u32(s)}, y, vs(loss, scale))
	return vs(dxs, slots)
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
	d := make([]*Value, len(need))
	if need[0] {
		d[0] = r.Temp(Of(saved[1].Len(), saved[0].Dim(1)))
		gather(r, d[0], matrix{w: saved[0]}, saved[1], dy[0])
	}
	return d
}
