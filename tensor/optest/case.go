package optest

import (
	"math"
	"math/rand/v2"

	"github.com/vulora/vulora/tensor"
)

// A Case is one operation at one set of shapes.
type Case struct {
	Name string
	Op   tensor.Op
	In   []Operand
	// Def is the definition: it fills y from x in the plainest form. y[i] has the length of result i and is zero.
	Def func(x, y [][]float64)
	// Terms is the number of terms in the longest sum behind one result or one gradient. A sum of n float32 products in
	// any order is off by about √n·2⁻²⁴ of its terms' size, and at most by n·2⁻²⁴ of the sum of their magnitudes.
	Terms int
	// Loose multiplies the tolerance where the op is worse conditioned than a sum; the row says why.
	Loose float64
}

// An Operand is a spec and its domain.
type Operand struct {
	tensor.Spec
	Fill  func(r *rand.Rand, i int) float64 // element i, or its code; standard normal if nil
	Const bool                              // never differentiated (integers never are)
}

// Normal is an operand of standard normal float32 numbers.
func Normal(dims ...int) Operand { return Operand{Spec: tensor.Of(dims...)} }

// Weight is a frozen operand of the given type with a standard deviation of 1/√(last dimension).
func Weight(t tensor.DType, dims ...int) Operand {
	s := tensor.Of(dims...)
	s.DType = t
	k := 1 / math.Sqrt(float64(s.Dim(-1)))
	return Operand{Spec: s, Fill: func(r *rand.Rand, _ int) float64 { return r.NormFloat64() * k }, Const: t != tensor.F32}
}

// Ints is an operand of int32 numbers.
func Ints(fill func(i int) int, dims ...int) Operand {
	return Operand{Spec: tensor.IntsOf(dims...), Fill: func(_ *rand.Rand, i int) float64 { return float64(fill(i)) },
		Const: true}
}

// fixed marks an operand as never differentiated.
func fixed(o Operand) Operand { o.Const = true; return o }

// values returns the operand's elements as its type holds them exactly, those of codes without their scale, and their
// bytes.
func (o Operand) values(r *rand.Rand) ([]float64, []byte) {
	if tables[o.DType] != nil {
		return o.values4(r)
	}
	x, b := make([]float64, o.Len()), make([]byte, 0, o.Bytes())
	for i := range x {
		v := 0.0
		if o.Fill != nil {
			v = o.Fill(r, i)
		} else {
			v = r.NormFloat64()
		}
		x[i], b = encode(o.DType, v, b)
	}
	return x, b
}
