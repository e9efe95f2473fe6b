package optest

import (
	"fmt"
	"math"

	"github.com/vulora/vulora/tensor"
)

// attentions has packed causal attention over several sequences (one of them of a single token) and cached attention.
func attentions() []Case {
	return []Case{
		attention([]int{1}, 1, 1, 2), attention([]int{5, 1, 3}, 2, 1, 4), attention([]int{7, 9}, 6, 2, 16),
		attention([]int{40, 1, 30}, 4, 4, 64), attention([]int{67}, 3, 1, 128),
		cachedAttention(1, 19, 14, 2, 64), cachedAttention(7, 33, 4, 2, 8), cachedAttention(35, 90, 6, 2, 16),
	}
}

// scores returns softmax attention of one query over the keys that key returns, as a sum of their values.
func scores(q []float64, lo, hi int, key, value func(s int) []float64, y []float64) {
	var p []float64
	top, sum := math.Inf(-1), 0.0
	for s := lo; s < hi; s++ {
		dot := 0.0
		for i, v := range key(s) {
			dot += q[i] * v
		}
		p = append(p, dot/math.Sqrt(float64(len(q))))
		top = max(top, p[len(p)-1])
	}
	for i := range p {
		p[i] = math.Exp(p[i] - top)
		sum += p[i]
	}
	for s := lo; s < hi; s++ {
		for i, v := range value(s) {
			y[i] += p[s-lo] / sum * v
		}
	}
}

func attention(lengths []int, heads, kv, d int) Case {
	var start, end []int
	for _, n := range lengths {
		from := len(start)
		for range n {
			start, end = append(start, from), append(end, from+n)
		}
	}
	t, w := len(start), (heads+2*kv)*d
	bounds := Ints(func(i int) int { return []int{start[i/2], i/2 + 1}[i%2] }, t, 2)
	users := Ints(func(i int) int { return []int{i / 2, end[i/2]}[i%2] }, t, 2)
	return Case{Name: fmt.Sprint("attention ", lengths, " ", heads, " ", kv, " ", d),
		Op: tensor.Attention{Heads: heads, KVHeads: kv, D: d},
		In: []Operand{Normal(t, w), bounds, users}, Terms: 4 * max(t, d),
		Def: func(x, y [][]float64) {
			for i := range t {
				for h := range heads {
					at := func(first int) func(int) []float64 {
						return func(s int) []float64 { return x[0][s*w+(first+h*kv/heads)*d:][:d] }
					}
					scores(x[0][i*w+h*d:][:d], start[i], i+1, at(heads), at(heads+kv), y[0][(i*heads+h)*d:][:d])
				}
			}
		}}
}

// cachedAttention continues a cache of s slots by t rows; its definition reads new rows from x, and older ones from the
// cache.
func cachedAttention(t, s, heads, kv, d int) Case {
	w := (heads + 2*kv) * d
	slot := func(i int) int { return s - t + i }
	if t == 1 {
		slot = func(int) int { return s - 3 } // with room left
	}
	bounds := Ints(func(i int) int { return []int{2, slot(i/2) + 1}[i%2] }, t, 2)
	return Case{Name: fmt.Sprint("cached attention ", t, " ", s, " ", heads, " ", kv, " ", d),
		Op: tensor.CachedAttention{Heads: heads, KVHeads: kv, D: d},
		In: []Operand{Normal(t, w), Normal(s, 2*kv*d), Ints(slot, t), bounds}, Terms: 4 * max(s, d),
		Def: func(x, y [][]float64) {
			for i := range t {
				for h := range heads {
					at := func(first int) func(int) []float64 {
						return func(c int) []float64 {
							if new := c - slot(0); new >= 0 {
								return x[0][new*w+(heads+first+h*kv/heads)*d:][:d]
							}
							return x[1][c*2*kv*d+(first+h*kv/heads)*d:][:d]
						}
					}
					scores(x[0][i*w+h*d:][:d], 2, slot(i)+1, at(0), at(kv), y[0][(i*heads+h)*d:][:d])
				}
			}
		}}
}
