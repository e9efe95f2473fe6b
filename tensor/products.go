package tensor

import "github.com/vulora/vulora/tensor/kernel"

// A matrix is a weight as kernels take it: values, or codes and their scales.
type matrix struct{ w, scales *Value }

// rows returns the operands of count rows from first on.
func (m matrix) rows(r *Recorder, first, count int) []*Value {
	v := vs(r.Slice(m.w, first, count))
	if m.scales != nil {
		v = append(v, r.Slice(m.scales, first, count))
	}
	return v
}

// scalesOf returns the spec of the scales of a quantised matrix.
func scalesOf(w Spec) Spec {
	if w.DType == I8 {
		return Of(w.Dim(0))
	}
	return Of(w.Dim(0), w.Dim(1)/kernel.BlockSize)
}

// wholeBlocks reports whether every row of a quantised matrix has a whole number of blocks.
func wholeBlocks(w Spec) bool { return w.DType == I8 || w.Dim(1)%kernel.BlockSize == 0 }

// linear records y = x·wᵀ + b in tiles of w's rows. b may be nil.
func linear(r *Recorder, y, x *Value, w matrix, b *Value, precision uint32) {
	n, k := w.w.Dim(0), w.w.Dim(1)
	step := r.rowsPerOperand(n, w.w.Bytes()/int64(n))
	for first := 0; first < n; first += step {
		count := min(step, n-first)
		in := append(vs(x), w.rows(r, first, count)...)
		if b != nil {
			in = append(in, r.Slice(b, first, count))
		}
		r.Run(kernel.Linear{T: u32(x.Dim(0)), N: u32(count), K: u32(k), YStride: u32(n), YOff: u32(first),
			Bias: flag(b != nil), Precision: precision}, vs(y), in)
	}
}

// linearBack records dx = dy·w in tiles of w's rows.
func linearBack(r *Recorder, dx, dy *Value, w matrix, precision uint32) {
	n, k := w.w.Dim(0), w.w.Dim(1)
	step := r.rowsPerOperand(n, w.w.Bytes()/int64(n))
	for first := 0; first < n; first += step {
		count := min(step, n-first)
		r.Run(kernel.LinearBack{T: u32(dy.Dim(0)), N: u32(count), K: u32(k), YStride: u32(n), YOff: u32(first),
			Acc: flag(first > 0), Precision: precision}, vs(dx), append(vs(dy), w.rows(r, first, count)...))
	}
}

// product records c = alpha·a·b, or adds it to c, for matrices a and b taken transposed or not; columns of c start
// at cOff, so that c may be a part of a wider matrix.
func product(r *Recorder, c, a, b *Value, transA, transB bool, cOff int, alpha float32, acc bool) {
	s := kernel.MatMul{M: u32(a.Dim(0)), K: u32(a.Dim(1)), TransA: flag(transA), TransB: flag(transB),
		LDA: u32(a.Dim(1)), LDB: u32(b.Dim(1)), LDC: u32(c.Dim(1)), COff: u32(cOff), Acc: flag(acc), Alpha: alpha}
	if transA {
		s.M, s.K = s.K, s.M
	}
	if transB {
		s.N = u32(b.Dim(0))
	} else {
		s.N = u32(b.Dim(1))
	}
	r.Run(s, vs(c), vs(a, b))
}

// columns records c = scale·part·b, where part is the b.Dim(0) columns of a from off on; or, with trans, c =
// scale·partᵀ·b with the c.Dim(0) columns from off on.
func columns(r *Recorder, c, a *Value, off int, b *Value, trans bool, scale float32) {
	s := kernel.MatMul{M: u32(c.Dim(0)), N: u32(c.Dim(1)), K: u32(b.Dim(0)), TransA: flag(trans), LDA: u32(a.Dim(1)),
		AOff: u32(off), LDB: u32(b.Dim(1)), LDC: u32(c.Dim(1)), Alpha: scale}
	r.Run(s, vs(c), vs(a, b))
}
