package optest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/vulora/vulora/tensor"
)

// losses has CrossEntropy in one chunk and in several, with rows that are not supervised and with padding.
func losses() []Case {
	return []Case{
		crossEntropy(tensor.F32, 3, 5, 7, 0), crossEntropy(tensor.BF16, 40, 33, 129, 0),
		crossEntropy(tensor.F16, 150, 8, 70, 64), crossEntropy(tensor.I8, 40, 33, 129, 0),
		crossEntropy(tensor.I8, 150, 8, 70, 64), crossEntropy(tensor.NF4, 7, 64, 33, 0),
		crossEntropy(tensor.FP4, 9, 128, 17, 0),
	}
}

// CrossEntropyCase is a row for CrossEntropy: x [t, c] and w [v, c].
func CrossEntropyCase(d tensor.DType, t, c, v int) Case { return crossEntropy(d, t, c, v, 0) }

// crossEntropy supervises two rows of three, and pads their number by two.
func crossEntropy(d tensor.DType, t, c, v, chunk int) Case {
	var index []int
	slot := make([]int, t)
	for i := range t {
		slot[i] = -1
		if i%3 != 1 {
			slot[i] = len(index)
			index = append(index, i)
		}
	}
	index = append(index, -1, -1)
	s := len(index)
	label := func(i int) int {
		if index[i] < 0 {
			return -1
		}
		return (11 * i) % v
	}
	const k = 0.037
	factor := Operand{Spec: tensor.Of(1), Const: true, Fill: func(*rand.Rand, int) float64 { return k }}
	in := append([]Operand{Normal(t, c)}, frozen(d, v, c)...)
	in = append(in, Ints(func(i int) int { return index[i] }, s), Ints(func(i int) int { return slot[i] }, t),
		Ints(label, s), factor)
	return Case{Name: fmt.Sprint("cross_entropy ", d, " ", t, " ", c, " ", v, " ", chunk),
		Op: tensor.CrossEntropy{Quantized: d.Quantized(), Chunk: chunk}, In: in,
		Terms: 4 * max(t, c, v), Def: func(x, y [][]float64) {
			w := matrixOf(d, x[1:], c)
			for i, row := range index {
				if row < 0 {
					continue
				}
				z, sum := make([]float64, v), 0.0
				product(x[0][row*c:][:c], w, z, v, c)
				for _, l := range z {
					sum += math.Exp(l)
				}
				y[0][0] += float64(float32(k)) * (math.Log(sum) - z[label(i)])
			}
		}}
}
