package tensor

import (
	"fmt"
	"math"

	"github.com/vulora/vulora/tensor/kernel"
)

// Dropout is y = x·m/(1−P) with m = 0 for a share P of the elements, chosen by the random key, and 1 for the others.
//
//	x, y: [..., C]   key: i32[3] (seed, step, rows before the first)
//
// The mask is a function of key, Site and the element's index: backward makes it again instead of keeping it. Where C
// is even, a row has the same mask whichever rows are computed with it.
type Dropout struct {
	P    float64
	Site uint32
}

func (op Dropout) Infer(x []Spec) ([]Spec, error) {
	if len(x) != 2 || x[0].DType != F32 || x[1] != IntsOf(3) {
		return nil, fmt.Errorf("dropout: want x and key i32[3], have %v", x)
	}
	if op.P < 0 || op.P >= 1 {
		return nil, fmt.Errorf("dropout: want a probability in [0, 1), have %v", op.P)
	}
	return x[:1], nil
}

func (op Dropout) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	dropout(r, y[0], x[0], x[1], op.P, op.Site)
	return x[1:]
}

func (op Dropout) Backward(r *Recorder, dy, saved []*Value, _ []bool) []*Value {
	dx := r.Temp(dy[0].Spec)
	dropout(r, dx, dy[0], saved[0], op.P, op.Site)
	return vs(dx, nil)
}

func dropout(r *Recorder, y, x, key *Value, p float64, site uint32) {
	drop := uint32(math.Floor(p * (1 << 32)))
	r.Run(kernel.Dropout{N: u32(x.Len()), Site: site, Drop: drop, Pairs: u32((x.Dim(-1) + 1) / 2),
		KeepScale: float32(1 / (1 - p))}, vs(y), vs(x, key))
}
