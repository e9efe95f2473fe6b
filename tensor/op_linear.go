package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// Linear is y = x·wᵀ + b, plus what low-rank adapters on parts of the result add:
// y[:, Off:Off+M] += Scale·(drop(x)·aᵀ)·bᵀ for each adapter.
//
//	x: [T, K]   w: [N, K] f32|f16|bf16   b: [N] if Bias   y: [T, N]
//	key: i32[2] (seed, step) if any adapter drops, then for each adapter a: [R, K] and b: [M, R]
//
// Backward saves w if dx is needed, x if a gradient of w or of an adapter is, and the adapters' [T, R] products:
// with a frozen weight nothing large is kept but x. A weight larger than one operand may be is read in tiles of rows.
type Linear struct {
	Bias      bool
	Precision uint32 // kernel.Exact or kernel.RoundBF16
	Adapters  []LowRank
}

// LowRank is one adapter of a Linear.
type LowRank struct {
	Off   int     // first column of the part of the result it adds to
	Scale float32 // alpha/R, or alpha/√R
	Drop  float64 // probability that an element of x is dropped; each adapter drops on its own
	Site  uint32  // names the adapter's random numbers
}

func (op Linear) drops() bool {
	for _, a := range op.Adapters {
		if a.Drop > 0 {
			return true
		}
	}
	return false
}

// first returns the index of the first adapter's a among the operands, and that of the random key.
func (op Linear) first() (adapter, key int) {
	adapter = 2
	if op.Bias {
		adapter++
	}
	key = adapter
	if op.drops() {
		adapter++
	}
	return adapter, key
}

func (op Linear) Infer(x []Spec) ([]Spec, error) {
	at, key := op.first()
	if len(x) != at+2*len(op.Adapters) {
		return nil, fmt.Errorf("linear: want %d operands, have %v", at+2*len(op.Adapters), x)
	}
	if x[0].Rank() != 2 || x[1].Rank() != 2 || x[0].Dim(1) != x[1].Dim(1) || x[0].DType != F32 || x[1].DType == I32 {
		return nil, fmt.Errorf("linear: want x [T, K] and w [N, K], have %v and %v", x[0], x[1])
	}
	n := x[1].Dim(0)
	if op.Bias && x[2] != Of(n) {
		return nil, fmt.Errorf("linear: want a bias %v, have %v", Of(n), x[2])
	}
	if op.drops() && x[key] != IntsOf(2) {
		return nil, fmt.Errorf("linear: want a random key %v, have %v", IntsOf(2), x[key])
	}
	for i, p := range op.Adapters {
		a, b := x[at+2*i], x[at+2*i+1]
		if a.Rank() != 2 || b.Rank() != 2 || a.Dim(1) != x[0].Dim(1) || a.Dim(0) != b.Dim(1) || p.Off+b.Dim(0) > n {
			return nil, fmt.Errorf("linear: want an adapter a [R, %d] and b [M, R] with M at most %d, have %v and %v",
				x[0].Dim(1), n-p.Off, a, b)
		}
		if p.Drop < 0 || p.Drop >= 1 {
			return nil, fmt.Errorf("linear: want a dropout in [0, 1), have %v", p.Drop)
		}
	}
	return []Spec{Of(x[0].Dim(0), n)}, nil
}

func (op Linear) Forward(r *Recorder, y, x []*Value, need []bool) []*Value {
	at, key := op.first()
	var bias, k *Value
	if op.Bias {
		bias = x[2]
	}
	if op.drops() {
		k = x[key]
	}
	linear(r, y[0], x[0], x[1], bias, op.Precision)
	saved := append(make([]*Value, 3), x[at:]...)
	saved[1], saved[2] = x[1], k
	if need[1] || anyOf(need[at:]) {
		saved[0] = x[0]
	}
	for i, p := range op.Adapters {
		a, b := x[at+2*i], x[at+2*i+1]
		h := r.Temp(Of(x[0].Dim(0), a.Dim(0)))
		product(r, h, dropped(r, x[0], k, p), a, false, true, 0, 1, false)
		product(r, y[0], h, b, false, true, p.Off, p.Scale, true)
		saved = append(saved, h)
	}
	return saved
}

func (op Linear) Backward(r *Recorder, dy, saved []*Value, need []bool) []*Value {
	at, _ := op.first()
	g, x, w, k := dy[0], saved[0], saved[1], saved[2]
	dx := make([]*Value, len(need))
	if need[0] {
		dx[0] = r.Temp(Of(g.Dim(0), w.Dim(1)))
		linearBack(r, dx[0], g, w, op.Precision)
	}
	if need[1] {
		dx[1] = r.Temp(Of(w.Dim(0), w.Dim(1)))
		product(r, dx[1], g, x, true, false, 0, 1, false)
	}
	if op.Bias && need[2] {
		n := g.Dim(1)
		dx[2] = r.Temp(Of(n))
		r.Run(kernel.SumRows{T: u32(g.Dim(0)), N: u32(n), Stride: u32(n)}, vs(dx[2]), vs(g))
	}
	for i, p := range op.Adapters {
		ab, h := saved[3+2*i:], saved[3+2*len(op.Adapters)+i]
		op.backAdapter(r, p, g, x, k, ab[0], ab[1], h, dx[0], dx[at+2*i:], need[at+2*i:])
	}
	return dx
}

// backAdapter records the gradients of one adapter, in the order (dy·b)·a that never makes a [N, K] matrix.
func (op Linear) backAdapter(r *Recorder, p LowRank, dy, x, key, a, b, h, dx *Value, grads []*Value, need []bool) {
	if need[1] {
		grads[1] = r.Temp(b.Spec)
		columns(r, grads[1], dy, p.Off, h, true, p.Scale)
	}
	if !need[0] && dx == nil {
		return
	}
	dh := r.Temp(h.Spec)
	columns(r, dh, dy, p.Off, b, false, p.Scale)
	if need[0] {
		grads[0] = r.Temp(a.Spec)
		product(r, grads[0], dh, dropped(r, x, key, p), true, false, 0, 1, false)
	}
	switch {
	case dx == nil:
	case p.Drop == 0:
		product(r, dx, dh, a, false, false, 0, 1, true)
	default:
		part := r.Temp(dx.Spec)
		product(r, part, dh, a, false, false, 0, 1, false)
		r.Run(kernel.Add{N: u32(dx.Len())}, vs(dx), vs(dropped(r, part, key, p)))
	}
}

// dropped returns x with the adapter's elements dropped: the same ones each time it is recorded.
func dropped(r *Recorder, x, key *Value, p LowRank) *Value {
	if p.Drop == 0 {
		return x
	}
	y := r.Temp(x.Spec)
	dropout(r, y, x, key, p.Drop, p.Site)
	return y
}
