package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

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

func (p LowRank) check(k, n int, a, b Spec) error {
	if a.Rank() != 2 || b.Rank() != 2 || a.Dim(1) != k || a.Dim(0) != b.Dim(1) || p.Off < 0 || p.Off+b.Dim(0) > n {
		return fmt.Errorf("linear: want an adapter a [R, %d] and b [M, R] with M at most %d, have %v and %v", k, n-p.Off, a,
			b)
	}
	if p.Drop < 0 || p.Drop >= 1 {
		return fmt.Errorf("linear: want a dropout in [0, 1), have %v", p.Drop)
	}
	return nil
}

// forward records what the adapter adds to y, and returns drop(x)·aᵀ.
func (p LowRank) forward(r *Recorder, y, x, key, a, b *Value) *Value {
	h := r.Temp(Of(x.Dim(0), a.Dim(0)))
	product(r, h, dropped(r, x, key, p), a, false, true, 0, 1, false)
	product(r, y, h, b, false, true, p.Off, p.Scale, true)
	return h
}

// backward records the adapter's gradients, in the order (dy·b)·a that never makes a [N, K] matrix, and adds to dx,
// unless that is nil, what passes through the adapter.
func (p LowRank) backward(r *Recorder, dy, x, key, a, b, h, dx *Value, grads []*Value, need []bool) {
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
