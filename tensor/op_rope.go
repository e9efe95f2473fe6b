package tensor

import (
	"fmt"
	"math"

	"github.com/vulora/vulora/tensor/kernel"
)

// RoPE turns the first Heads·D columns of x, heads of size D, by the angles of each row's position; the other columns
// pass through. The pairs are (i, i+D/2), as in transformers' rotate_half.
//
//	x, y: [T, N]   pos: i32[T]   table: [P, D], see RoPETable
//
// Backward turns back.
type RoPE struct{ Heads, D int }

func (op RoPE) Infer(x []Spec) ([]Spec, error) {
	if len(x) != 3 || x[0].Rank() != 2 || x[0].DType != F32 || x[2].DType != F32 || x[0].Dim(1) < op.Heads*op.D ||
		x[1] != IntsOf(x[0].Dim(0)) || x[2].Rank() != 2 ||
		x[2].Dim(1) != op.D || op.D%2 != 0 {
		return nil, fmt.Errorf("rope: want x [T, ≥%d], pos i32[T] and table [P, %d] with an even head size, have %v",
			op.Heads*op.D, op.D, x)
	}
	return x[:1], nil
}

func (op RoPE) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	op.turn(r, y[0], x[0], x[1], x[2], false)
	return x[1:]
}

func (op RoPE) Backward(r *Recorder, dy, saved []*Value, _ []bool) []*Value {
	dx := r.Temp(dy[0].Spec)
	op.turn(r, dx, dy[0], saved[0], saved[1], true)
	return vs(dx, nil, nil)
}

func (op RoPE) turn(r *Recorder, y, x, pos, table *Value, inverse bool) {
	s := kernel.RoPE{T: u32(x.Dim(0)), Heads: u32(op.Heads), D: u32(op.D), Stride: u32(x.Dim(1)), Inverse: flag(inverse)}
	r.RunInPlace(s, x, vs(y), vs(pos, table))
}

// RoPETable returns the angles of positions 0 … positions−1 for RoPE, [positions, d]: d/2 cosines, then d/2 sines.
// As in transformers, the inverse frequency theta^(−2i/d) and the angle are rounded to float32 first.
func RoPETable(positions, d int, theta float64) []float32 {
	t := make([]float32, positions*d)
	for i := range d / 2 {
		f := 1 / float32(math.Pow(theta, float64(2*i)/float64(d)))
		for p := range positions {
			sin, cos := math.Sincos(float64(float32(p) * f))
			t[p*d+i], t[p*d+d/2+i] = float32(cos), float32(sin)
		}
	}
	return t
}
