package gpu

import (
	"math"
	"slices"

	"github.com/vulora/vulora/tensor/kernel"
)

// longCases have more terms in one sum than a loop may have turns on Mesa's software device: 65535, silently.
func longCases() []testCase {
	r := newDice(30)
	const n, t = 70003, 2
	back := func(dt kernel.DType, k int) testCase {
		stored, w := r.weight(dt, n, k)
		dy, dx := r.vec(t*n), make([]float64, t*k)
		for i := range t {
			for j := range n {
				axpy(dx[i*k:][:k], dy[i*n+j], w[j*k:][:k])
			}
		}
		return testCase{"long linear_back", kernel.LinearBack{T: t, N: n, K: uint32(k), YStride: n},
			slices.Concat([]array{f32(dy)}, stored), []array{blank(t * k)}, [][]float64{dx}, n * eps}
	}

	const big = 300007
	x, total := r.vec(big), 0.0
	for _, v := range x {
		total += v
	}

	const cols = 140003
	z, dz, sum := r.vec(cols), make([]float64, cols), 0.0
	for _, v := range z {
		sum += math.Exp(v)
	}
	for i, v := range z {
		dz[i] = math.Exp(v) / sum
	}
	dz[cols-1]--
	loss := math.Log(sum) - z[cols-1]

	last := make([]float64, cols)
	last[cols-1] = 1

	// With 14 floats of a head in a loop of its own, 5000 keys would be 140000 turns.
	const s, d = 5000, 14
	q, kv, y, e := r.vec(d), r.vec(s*2*d), make([]float64, d), 0.0
	for i := range s {
		p := math.Exp(0.25 * dot(q, kv[i*2*d:][:d]))
		e += p
		axpy(y, p, kv[i*2*d+d:][:d])
	}
	for i := range y {
		y[i] /= e
	}
	a := kernel.Attention{T: 1, S: s, Heads: 1, KVHeads: 1, D: d, QStride: d, KVStride: 2 * d, VOff: d, Scale: 0.25}

	// The chains of these sums are as long as said, but errors of random sign grow with the root of the length.
	return []testCase{
		back(kernel.BF16, 4), back(kernel.I8, 4), back(kernel.NF4, kernel.BlockSize),
		{"long sum", kernel.Sum{N: big}, []array{f32(x), f32([]float64{1})}, []array{blank(1)}, [][]float64{{total}},
			1500 * eps},
		{"long cross_entropy", kernel.CrossEntropy{Rows: 1, Cols: cols}, []array{i32(cols - 1), f32([]float64{1})},
			[]array{f32(z), blank(1)}, [][]float64{dz, {loss}}, cols * eps},
		{"long argmax", kernel.ArgMax{Rows: 1, Cols: cols}, []array{f32(last)}, []array{i32(-9)}, [][]float64{{cols - 1}}, 0},
		{"long attention", a, []array{f32(q), f32(kv), i32(0, s)}, []array{blank(d), blank(1)},
			[][]float64{y, {math.Log(e)}}, s * eps},
	}
}
