package tensor

import (
	"fmt"
	"math"

	"github.com/vulora/vulora/tensor/kernel"
)

// Attention is grouped-query softmax attention, with scores scaled by 1/√D, of every row's queries over a range of
// rows' keys and values.
//
//	x: [T, (Heads+2·KVHeads)·D] as q|k|v   bounds, users: i32[T, 2]   y: [T, Heads·D]
//
// Row t sees the keys bounds[t,0] … bounds[t,1]−1, and key s is seen by the rows users[s,0] … users[s,1]−1: causal
// attention within packed sequences has bounds (start, t+1) and users (s, end). The two must describe the same pairs.
// No scores are stored. Backward saves x, y and the log-sum of each row and head.
type Attention struct {
	Heads, KVHeads, D int
	Precision         uint32 // kernel.Exact or kernel.RoundBF16
}

func (op Attention) width() int { return (op.Heads + 2*op.KVHeads) * op.D }

func (op Attention) Infer(x []Spec) ([]Spec, error) {
	if len(x) != 3 || x[0].Rank() != 2 || x[0].Dim(1) != op.width() || x[1] != IntsOf(x[0].Dim(0), 2) || x[2] != x[1] {
		return nil, fmt.Errorf("attention: want x [T, %d] and bounds and users i32[T, 2], have %v", op.width(), x)
	}
	return op.result(x[0])
}

// result returns the spec of y for q|k|v in x.
func (op Attention) result(x Spec) ([]Spec, error) {
	if x.DType != F32 || op.KVHeads <= 0 || op.Heads%op.KVHeads != 0 {
		return nil, fmt.Errorf("attention: want f32 and heads that are a multiple of the key/value heads, have %v, %d and %d",
			x.DType, op.Heads, op.KVHeads)
	}
	return []Spec{Of(x.Dim(0), op.Heads*op.D)}, nil
}

func (op Attention) sizes(t int) kernel.Attention {
	q, kv := op.Heads*op.D, op.KVHeads*op.D
	return kernel.Attention{T: u32(t), S: u32(t), Heads: u32(op.Heads), KVHeads: u32(op.KVHeads), D: u32(op.D),
		QStride: u32(op.width()), KVStride: u32(op.width()), KOff: u32(q), VOff: u32(q + kv),
		Scale: float32(1 / math.Sqrt(float64(op.D))), Precision: op.Precision}
}

func (op Attention) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	t := x[0].Dim(0)
	lse := r.Temp(Of(t, op.Heads))
	r.Run(op.sizes(t), vs(y[0], lse), vs(x[0], x[0], x[1]))
	return vs(x[0], x[1], x[2], y[0], lse)
}

func (op Attention) Backward(r *Recorder, dy, saved []*Value, _ []bool) []*Value {
	x, bounds, users, y, lse := saved[0], saved[1], saved[2], saved[3], saved[4]
	s := op.sizes(x.Dim(0))
	dx, delta := r.Temp(x.Spec), r.Temp(lse.Spec)
	r.Run(kernel.AttentionBackQ(s), vs(dx, delta), vs(dy[0], y, lse, x, bounds))
	r.Run(kernel.AttentionBackKV(s), vs(dx), vs(dy[0], lse, delta, x, users))
	return vs(dx, nil, nil)
}

// CachedAttention is Attention over keys and values in a cache, for generation. It has no gradient. It first writes the
// rows' own keys and values to the cache: row t goes to slot[t], or nowhere if that is negative; no two go to the same.
//
//	x: [T, (Heads+2·KVHeads)·D] as q|k|v   cache: [S, 2·KVHeads·D] as k|v   slot: i32[T]   bounds: i32[T, 2] over slots
//	y: [T, Heads·D]
type CachedAttention struct {
	Heads, KVHeads, D int
	Precision         uint32 // kernel.Exact or kernel.RoundBF16
}

func (op CachedAttention) Infer(x []Spec) ([]Spec, error) {
	width, kv := Attention(op).width(), 2*op.KVHeads*op.D
	if len(x) != 4 || x[0].Rank() != 2 || x[0].Dim(1) != width || x[1].Rank() != 2 || x[1].Dim(1) != kv ||
		x[1].DType != F32 ||
		x[2] != IntsOf(x[0].Dim(0)) || x[3] != IntsOf(x[0].Dim(0), 2) {
		return nil, fmt.Errorf("cached attention: want x [T, %d], cache [S, %d], slot i32[T] and bounds i32[T, 2], have %v",
			width, kv, x)
	}
	return Attention(op).result(x[0])
}

func (op CachedAttention) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	t, kv := x[0].Dim(0), op.KVHeads*op.D
	w := kernel.CacheWrite{T: u32(t), Cols: u32(2 * kv), Stride: u32(x[0].Dim(1)), Off: u32(op.Heads * op.D)}
	r.Run(w, vs(x[1]), vs(x[0], x[2]))
	s := Attention(op).sizes(t)
	s.S, s.KVStride, s.KOff, s.VOff = u32(x[1].Dim(0)), u32(2*kv), 0, u32(kv)
	r.Run(s, vs(y[0], r.Temp(Of(t, op.Heads))), vs(x[0], x[1], x[3]))
	return nil
}
