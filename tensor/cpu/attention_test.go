package cpu

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/vulora/vulora/tensor/kernel"
)

// packed returns bounds of queries and users of keys for causal attention in sequences of the given lengths, and no
// keys for the tokens after them, or for those of a negative length.
func packed(total int, lengths ...int) (bounds, users []int) {
	at := 0
	for _, n := range lengths {
		for range -n {
			bounds, users = append(bounds, 0, 0), append(users, 0, 0)
		}
		for i := range n {
			bounds, users = append(bounds, at, at+i+1), append(users, at+i, at+n)
		}
		at += max(n, -n)
	}
	for range total - at {
		bounds, users = append(bounds, 0, 0), append(users, 0, 0)
	}
	return bounds, users
}

// crossed returns bounds and users of three runs of n tokens: the first see the keys of the last, the second those of
// the first, the last none.
func crossed(n int) (bounds, users []int) {
	for i := range 3 * n {
		bounds = append(bounds, [][]int{{2 * n, 3 * n}, {0, n}, {0, 0}}[i/n]...)
		users = append(users, [][]int{{n, 2 * n}, {0, 0}, {0, n}}[i/n]...)
	}
	return bounds, users
}

// An attentionCase is attention within packed sequences, or crossed attention where there are none.
type attentionCase struct {
	heads, kv, d uint32
	tokens       int
	lengths      []int
}

var attentionCases = []attentionCase{
	{1, 1, 1, 1, []int{1}},
	{2, 1, 8, 5, []int{3, 1}},
	{2, 1, 8, 7, []int{7}},
	{3, 1, 24, 50, []int{-3, 47}}, // tiles of queries and of keys begin at other tokens
	{4, 2, 16, 50, []int{20, 29}},
	{2, 2, 33, 49, []int{49}},
	{7, 1, 64, 140, []int{131, 8}},
	{3, 1, 40, 300, []int{257, 40}},
	{2, 1, 20, 3 * 67, nil},
}

// trials are the forward pass and both gradients on x = q|k|v, between −2 and 2, and dy, between −1 and 1.
func (c attentionCase) trials(x, dy operand, precision uint32) (y, q, kv trial) {
	bounds, users := packed(c.tokens, c.lengths...)
	if c.lengths == nil {
		bounds, users = crossed(c.tokens / 3)
	}
	n, cols := uint32(c.tokens), c.cols()
	s := kernel.Attention{T: n, S: n, Heads: c.heads, KVHeads: c.kv, D: c.d, QStride: cols, QOff: 1, KVStride: cols,
		KOff: 1 + c.heads*c.d, VOff: 1 + (c.heads+c.kv)*c.d, Scale: c.scale(), Precision: precision}
	rows := int(n * c.heads)
	value, lse, delta := blank(dy.n), blank(rows), blank(rows)
	y = trial{sizes: s, out: []operand{value, lse}, in: []operand{x, x, i32s(bounds...)}}
	value.values, lse.values, delta.values = make([]float64, dy.n), make([]float64, rows), make([]float64, rows)
	defineAttention(s, value.values, lse.values, x.values, x.values, i32s(bounds...).values)
	for i := range delta.values {
		for j := range int(c.d) {
			delta.values[i] += dy.values[i*int(c.d)+j] * value.values[i*int(c.d)+j]
		}
	}
	q = trial{sizes: kernel.AttentionBackQ(s), out: []operand{blank(x.n), blank(rows)},
		in: []operand{dy, value, lse, x, i32s(bounds...)}}
	kv = trial{sizes: kernel.AttentionBackKV(s), out: []operand{blank(x.n)},
		in: []operand{dy, lse, delta, x, i32s(users...)}}
	return y, q, kv
}

func (c attentionCase) cols() uint32   { return (c.heads+2*c.kv)*c.d + 3 }
func (c attentionCase) scale() float32 { return 1 / float32(math.Sqrt(float64(c.d))) }

func (c attentionCase) operands(r *rand.Rand) (x, dy operand) {
	return between(r, c.tokens*int(c.cols()), -2, 2), random(r, c.tokens*int(c.heads*c.d))
}

func TestAttention(t *testing.T) {
	r := newRand(7)
	for _, c := range attentionCases {
		x, dy := c.operands(r)
		y, q, kv := c.trials(x, dy, kernel.Exact)
		y.tol, q.tol, kv.tol = []float64{4e-6, 4e-6}, []float64{1e-5, 1e-5}, []float64{3e-5}
		y.check(t)
		q.check(t)
		kv.check(t)
	}
}

// Generation: few queries, more keys than queries, and keys that no query sees.
func TestAttentionSplit(t *testing.T) {
	r := newRand(8)
	for _, c := range []struct {
		keys   uint32
		bounds []int
	}{
		{400, []int{0, 390, 5, 6}},
		{400, []int{7, 395}},
		{400, []int{9, 9}},
		{1, []int{0, 1}},
		{5000, []int{2, 4801, 0, 0, 4000, 5000, 130, 260, 0, 129}}, // more keys than the most chunks of the least size
	} {
		n := uint32(len(c.bounds) / 2)
		s := kernel.Attention{T: n, S: c.keys, Heads: 6, KVHeads: 3, D: 20, QStride: 120, KVStride: 120, VOff: 60, Scale: 0.3}
		trial := trial{sizes: s, out: []operand{blank(int(n) * 120), blank(int(n) * 6)}, tol: []float64{4e-6, 4e-6},
			in: []operand{random(r, int(n)*120), random(r, int(c.keys)*120), i32s(c.bounds...)}}
		trial.check(t)
	}
}

// TestAttentionBF16 has operands that bfloat16 holds, so that only what is computed on the way is rounded, by at most
// 2⁻⁹ of itself: probabilities, whose sum is 1, for y and the gradient of v, and scores' gradients for those of q and
// k. A gradient of a score is at most p·scale·2·max|dy·v|, where the product is a sum of D numbers of deviation 2/3,
// below 5 deviations. The errors of the 3·heads probabilities that one key has at most here add up like a random walk,
// twice that for the tail.
func TestAttentionBF16(t *testing.T) {
	if available()[0].bf16 == nil {
		t.Skip("NOT TESTED: this processor has no bfloat16 products")
	}
	r, best := newRand(9), ISAs()[0]
	for _, c := range append(attentionCases, attentionCase{14, 2, 64, 260, []int{160, 99}}) {
		x, dy := c.operands(r)
		y, q, kv := c.trials(rounded(x), rounded(dy), kernel.RoundBF16)
		dp := 5 * 2.0 / 3 * math.Sqrt(float64(c.d))
		score := 0x1p-9 * float64(c.scale()) * 2 * dp * 2
		heads := float64(c.heads / c.kv)
		y.tol, q.tol = []float64{0x1p-9*2 + 4e-6, 4e-6}, []float64{score, 1e-5}
		kv.tol = []float64{2 * math.Sqrt(3*heads) * max(score, 0x1p-9)}
		for _, trial := range []*trial{&y, &q, &kv} {
			trial.opts.BF16 = BF16Force
			trial.checkOn(t, best)
		}
	}
}
