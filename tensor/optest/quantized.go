package optest

import (
	"math"
	"math/rand/v2"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// frozen is the operands of a frozen matrix [n, k] of any type: values, or codes and their scales.
func frozen(d tensor.DType, n, k int) []Operand {
	if !d.Quantized() {
		return []Operand{fixed(Weight(d, n, k))}
	}
	code := func(r *rand.Rand, _ int) float64 { return float64(r.IntN(16)) }
	blocks := []int{n, k / kernel.BlockSize}
	if d == tensor.I8 {
		code = func(r *rand.Rand, _ int) float64 { return float64(r.IntN(255) - 127) }
		blocks = []int{n}
	}
	w, scales := Operand{Spec: tensor.Of(n, k), Fill: code, Const: true}, fixed(Normal(blocks...))
	w.DType = d
	size := 1 / (largest(d) * math.Sqrt(float64(k)))
	scales.Fill = func(r *rand.Rand, _ int) float64 { return size * (0.5 + r.Float64()) }
	return []Operand{w, scales}
}

// largest is the largest value in a type's table.
func largest(d tensor.DType) float64 {
	if d == tensor.I8 {
		return 127
	}
	return 1
}

// matrixOf returns the values of the matrix of rows of k elements whose operands begin with x[0].
func matrixOf(d tensor.DType, x [][]float64, k int) []float64 {
	if !d.Quantized() {
		return x[0]
	}
	block := kernel.BlockSize
	if d == tensor.I8 {
		block = k
	}
	w := make([]float64, len(x[0]))
	for i, v := range x[0] {
		w[i] = v * x[1][i/block]
	}
	return w
}

// tables are the values of the codes of 4 bits.
var tables = map[tensor.DType]*[16]float32{tensor.NF4: &kernel.NF4Values, tensor.FP4: &kernel.FP4Values}

// values4 is values for codes of 4 bits, two in a byte, the first in the high half.
func (o Operand) values4(r *rand.Rand) ([]float64, []byte) {
	x, b := make([]float64, o.Len()), make([]byte, o.Bytes())
	for i := range x {
		code := int(o.Fill(r, i))
		x[i] = float64(tables[o.DType][code])
		b[i/2] |= byte(code) << (4 * (1 - i%2))
	}
	return x, b
}
