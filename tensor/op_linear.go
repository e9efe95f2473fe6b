package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// Linear is y = x·wᵀ + b, plus what low-rank adapters on parts of the result add:
// y[:, Off:Off+M] += Scale·(drop(x)·aᵀ)·bᵀ for each adapter.
//
//	x: [T, K]   w: [N, K] f32|f16|bf16, or nf4|fp4|int8 and then its scales   b: [N] if Bias   y: [T, N]
//	key: i32[3] (see Dropout) if any adapter drops, then for each adapter a: [R, K] and b: [M, R]
//
// Backward saves w if dx is needed, x if a gradient of w or of an adapter is, and the adapters' [T, R] products:
// with a frozen weight nothing large is kept but x. A weight larger than one operand may be is read in tiles of rows;
// a quantised one is frozen.
type Linear struct {
	Quantized bool // w has scales
	Bias      bool
	Precision uint32 // kernel.Exact or kernel.RoundBF16
	Adapters  []LowRank
}

// places are the indices of Linear's optional operands.
type places struct{ bias, key, adapters int }

func (op Linear) places() (p places) {
	p.bias = 2
	if op.Quantized {
		p.bias++
	}
	p.key = p.bias
	if op.Bias {
		p.key++
	}
	p.adapters = p.key
	if op.drops() {
		p.adapters++
	}
	return p
}

func (op Linear) Infer(x []Spec) ([]Spec, error) {
	at := op.places()
	if len(x) != at.adapters+2*len(op.Adapters) {
		return nil, fmt.Errorf("linear: want %d operands, have %v", at.adapters+2*len(op.Adapters), x)
	}
	w := x[1]
	if x[0].Rank() != 2 || w.Rank() != 2 || x[0].Dim(1) != w.Dim(1) || x[0].DType != F32 || w.DType == I32 {
		return nil, fmt.Errorf("linear: want x [T, K] and w [N, K], have %v and %v", x[0], w)
	}
	if w.DType.Quantized() != op.Quantized || op.Quantized && (x[2] != scalesOf(w) || !wholeBlocks(w)) {
		return nil, fmt.Errorf("linear: want w and, if it is quantised, scales like %v, have %v", scalesOf(w), x[1:at.bias])
	}
	if op.Bias && x[at.bias] != Of(w.Dim(0)) {
		return nil, fmt.Errorf("linear: want a bias %v, have %v", Of(w.Dim(0)), x[at.bias])
	}
	if op.drops() && x[at.key] != IntsOf(3) {
		return nil, fmt.Errorf("linear: want a random key %v, have %v", IntsOf(3), x[at.key])
	}
	for i, p := range op.Adapters {
		if err := p.check(x[0].Dim(1), w.Dim(0), x[at.adapters+2*i], x[at.adapters+2*i+1]); err != nil {
			return nil, err
		}
	}
	return []Spec{Of(x[0].Dim(0), w.Dim(0))}, nil
}

func (op Linear) Forward(r *Recorder, y, x []*Value, need []bool) []*Value {
	at := op.places()
	w := matrix{w: x[1]}
	var bias, key *Value
	if op.Quantized {
		w.scales = x[2]
	}
	if op.Bias {
		bias = x[at.bias]
	}
	if op.drops() {
		key = x[at.key]
	}
	linear(r, y[0], x[0], w, bias, op.Precision)
	saved := vs(nil, w.w, w.scales, key)
	if need[1] || anyOf(need[at.adapters:]) {
		saved[0] = x[0]
	}
	saved = append(saved, x[at.adapters:]...)
	for i, p := range op.Adapters {
		saved = append(saved, p.forward(r, y[0], x[0], key, x[at.adapters+2*i], x[at.adapters+2*i+1]))
	}
	return saved
}

func (op Linear) Backward(r *Recorder, dy, saved []*Value, need []bool) []*Value {
	at := op.places()
	g, x, w, key := dy[0], saved[0], matrix{saved[1], saved[2]}, saved[3]
	dx := make([]*Value, len(need))
	if need[0] {
		dx[0] = r.Temp(Of(g.Dim(0), w.w.Dim(1)))
		linearBack(r, dx[0], g, w, op.Precision)
	}
	if need[1] {
		dx[1] = r.Temp(Of(w.w.Dim(0), w.w.Dim(1)))
		product(r, dx[1], g, x, true, false, 0, 1, false)
	}
	if op.Bias && need[at.bias] {
		n := g.Dim(1)
		dx[at.bias] = r.Temp(Of(n))
		r.Run(kernel.SumRows{T: u32(g.Dim(0)), N: u32(n), Stride: u32(n)}, vs(dx[at.bias]), vs(g))
	}
	for i, p := range op.Adapters {
		ab, h := saved[4+2*i:], saved[4+2*len(op.Adapters)+i]
		first := at.adapters + 2*i
		p.backward(r, g, x, key, ab[0], ab[1], h, dx[0], dx[first:], need[first:])
	}
	return dx
}
