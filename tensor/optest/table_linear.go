package optest

import (
	"fmt"

	"github.com/vulora/vulora/tensor"
)

// linears has Linear with every weight type and bias, around the tile edges of the kernels (4, 6, 8, 12, 16, 32, 64)
// and in the few-rows shapes of decoding, and with adapters.
func linears() []Case {
	var t []Case
	for _, s := range [][3]int{{1, 1, 1}, {1, 33, 17}, {2, 7, 64}, {5, 64, 31}, {8, 40, 96}, {12, 32, 64}, {13, 65, 33},
		{31, 47, 129}, {65, 97, 70}} {
		t = append(t, linear(tensor.F32, s[0], s[1], s[2], false), linear(tensor.BF16, s[0], s[1], s[2], true),
			linear(tensor.F16, s[0], s[1], s[2], true))
	}
	t = append(t, linear(tensor.BF16, 20, 70, 520, true), linear(tensor.F32, 17, 520, 24, false))
	for _, s := range [][3]int{{1, 1, 64}, {2, 7, 128}, {4, 33, 64}, {5, 64, 192}, {13, 65, 64}, {31, 47, 128},
		{33, 97, 64}, {65, 16, 320}} {
		t = append(t, linear(tensor.NF4, s[0], s[1], s[2], false), linear(tensor.FP4, s[0], s[1], s[2], true))
	}
	for _, s := range [][3]int{{1, 1, 1}, {1, 33, 17}, {4, 7, 65}, {5, 64, 31}, {13, 65, 33}, {31, 47, 129},
		{65, 97, 70}} {
		t = append(t, linear(tensor.I8, s[0], s[1], s[2], s[0]%2 == 0))
	}
	return append(t, adapters(5, 24, 16, 0), adapters(33, 70, 40, 0), adapters(14, 24, 16, 0.25))
}

func linear(d tensor.DType, t, n, k int, bias bool) Case {
	c := Case{Name: fmt.Sprint("linear ", d, " ", t, " ", n, " ", k), Terms: max(t, n, k),
		Op: tensor.Linear{Quantized: d.Quantized(), Bias: bias}, In: []Operand{Normal(t, k)}}
	if d == tensor.F32 { // the only type that is trained
		c.In = append(c.In, Weight(d, n, k))
	} else {
		c.In = append(c.In, frozen(d, n, k)...)
	}
	at := len(c.In)
	if bias {
		c.In = append(c.In, Normal(n))
	}
	c.Def = func(x, y [][]float64) {
		product(x[0], matrixOf(d, x[1:], k), y[0], n, k)
		if bias {
			for i := range y[0] {
				y[0][i] += x[at][i%n]
			}
		}
	}
	return c
}

func product(x, w, y []float64, n, k int) {
	for i := range y {
		for l := range k {
			y[i] += x[i/n*k+l] * w[i%n*k+l]
		}
	}
}

// LinearCase is a row for Linear without a bias: x [t, k] and w [n, k].
func LinearCase(d tensor.DType, t, n, k int) Case { return linear(d, t, n, k, false) }

// adapters has two adapters with ranks of their own on parts of a Linear with a bias, like q and v of a fused q|k|v.
func adapters(t, n, k int, drop float64) Case {
	parts := []tensor.LowRank{{Off: 0, Scale: 2, Drop: drop, Site: 3}, {Off: n - 9, Scale: 0.5, Drop: drop, Site: 4}}
	rank, width := []int{4, 3}, []int{11, 9}
	c := Case{Name: fmt.Sprint("linear with adapters ", t, " ", n, " ", k, " ", drop),
		Op:    tensor.Linear{Bias: true, Adapters: parts},
		Terms: 4 * max(t, n, k)}
	c.In = []Operand{Normal(t, k), Weight(tensor.BF16, n, k), Normal(n)}
	const seed, step, before = 42, 7, 5
	if drop > 0 {
		c.In = append(c.In, Ints(func(i int) int { return []int{seed, step, before}[i] }, 3))
	}
	at := len(c.In)
	for i := range parts {
		c.In = append(c.In, Weight(tensor.F32, rank[i], k), Weight(tensor.F32, width[i], rank[i]))
	}
	c.Def = func(x, y [][]float64) {
		product(x[0], x[1], y[0], n, k)
		for i := range y[0] {
			y[0][i] += x[2][i%n]
		}
		for i, p := range parts {
			in := append([]float64{}, x[0]...)
			for j := range in {
				if drop > 0 && philox(uint32(j+before*k), p.Site, seed, step) < uint32(drop*(1<<32)) {
					in[j] = 0
				} else if drop > 0 {
					in[j] *= float64(float32(1 / (1 - drop)))
				}
			}
			h, z := make([]float64, t*rank[i]), make([]float64, t*width[i])
			product(in, x[at+2*i], h, rank[i], k)
			product(h, x[at+2*i+1], z, width[i], rank[i])
			for j, v := range z {
				y[0][j/width[i]*n+p.Off+j%width[i]] += float64(p.Scale) * v
			}
		}
	}
	return c
}
