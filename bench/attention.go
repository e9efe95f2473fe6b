package bench

import (
	"math"
	"math/rand/v2"

	"github.com/vulora/vulora/tensor/kernel"
)

// heads finds the elements of q|k|v of one sequence with causal attention.
type heads struct {
	Shape
	t int
}

func (h heads) width() int     { return int(h.qkv()) }
func (h heads) dim() int       { return int(h.HeadDim) }
func (h heads) scale() float64 { return 1 / math.Sqrt(float64(h.HeadDim)) }

// q, k and v return where a token's head begins in q|k|v. The head is always one of queries.
func (h heads) q(t, head int) int { return t*h.width() + head*h.dim() }
func (h heads) k(t, head int) int {
	return t*h.width() + (int(h.Heads)+head*int(h.KVHeads)/int(h.Heads))*h.dim()
}
func (h heads) v(t, head int) int { return h.k(t, head) + int(h.KVHeads)*h.dim() }

// dot is over the elements of a head in x from i and in y from j on.
func (h heads) dot(x values, i int, y values, j int) (sum float64) {
	for d := range h.dim() {
		sum += x.at(i+d) * y.at(j+d)
	}
	return sum
}

func (h heads) sizes(precision uint32) kernel.Attention {
	t, q := uint32(h.t), h.Heads*h.HeadDim
	return kernel.Attention{T: t, S: t, Heads: h.Heads, KVHeads: h.KVHeads, D: h.HeadDim, QStride: h.qkv(),
		KVStride: h.qkv(),
		KOff:     q, VOff: q + h.KVHeads*h.HeadDim, Scale: float32(h.scale()), Precision: precision}
}

// flop is that of n products of a head's length for each pair of a query and a key.
func (h heads) flop(n float64) float64 {
	return n * 2 * float64(h.t) * float64(h.t+1) / 2 * float64(h.Heads*h.HeadDim)
}

// attentionError allows for a few products, one after the other.
func attentionError(precision uint32) float64 {
	if precision == kernel.RoundBF16 {
		return 4 * productError(precision)
	}
	return 4 * rowError
}

// bounds are the keys that each query sees, users the queries that see each key.
func (h heads) bounds() operand {
	return ints(func(i int) int { return i % 2 * (i/2 + 1) }, uint32(h.t), 2)
}
func (h heads) users() operand {
	return ints(func(i int) int { return []int{i / 2, h.t}[i%2] }, uint32(h.t), 2)
}

func attention(t uint32, m Shape, precision uint32) Row {
	h := heads{m, int(t)}
	x, y := floats(t, m.qkv()), floats(t, m.Heads, m.HeadDim)
	return Row{Op: "attention", T: t, FLOP: h.flop(2), Bytes: bytes(x, y), sizes: h.sizes(precision),
		out: []operand{y, floats(t, m.Heads)}, in: []operand{x, x, h.bounds()},
		tol: attentionError(precision), cast: precision,
		define: func(in []values, _ values, i int) (y float64) {
			row, head, d := i/(int(m.Heads)*h.dim()), i/h.dim()%int(m.Heads), i%h.dim()
			sum := 0.0
			for s := range row + 1 {
				p := math.Exp(h.scale() * h.dot(in[0], h.q(row, head), in[1], h.k(s, head)))
				sum += p
				y += p * in[1].at(h.v(s, head)+d)
			}
			return y / sum
		}}
}

// logSum is a plausible logarithm of the sum of a row's exponentials: the gradients' kernels take what they are given.
func (h heads) logSum() operand {
	o := floats(uint32(h.t), h.Heads)
	o.fill = func(_ *rand.Rand, i int) float64 { return 0.5 + math.Log(float64(i/int(h.Heads)+1)) }
	return o
}

// pair returns p and dp of one query and key: the probability, and the gradient of it.
func (h heads) pair(dy, lse, x values, t, s, head int) (p, dp float64) {
	p = math.Exp(h.scale()*h.dot(x, h.q(t, head), x, h.k(s, head)) - lse.at(t*int(h.Heads)+head))
	return p, h.dot(dy, (t*int(h.Heads)+head)*h.dim(), x, h.v(s, head))
}

func attentionBackQ(t uint32, m Shape, precision uint32) Row {
	h := heads{m, int(t)}
	x, y := floats(t, m.qkv()), floats(t, m.Heads, m.HeadDim)
	return Row{Op: "attention_back_q", T: t, FLOP: h.flop(3), Bytes: bytes(x, y, y, x),
		sizes: kernel.AttentionBackQ(h.sizes(precision)),
		out:   []operand{x, floats(t, m.Heads)}, in: []operand{y, y, h.logSum(), x, h.bounds()},
		tol: attentionError(precision), cast: precision,
		pick: func(i int) int { // a column of q
			return i/h.width()*h.width() + i%(int(m.Heads)*h.dim())
		},
		define: func(in []values, _ values, i int) (dq float64) {
			row, head, d := i/h.width(), i%h.width()/h.dim(), i%h.width()%h.dim()
			at := (row*int(m.Heads) + head) * h.dim()
			delta := h.dot(in[0], at, in[1], at)
			for s := range row + 1 {
				p, dp := h.pair(in[0], in[2], in[3], row, s, head)
				dq += p * (dp - delta) * h.scale() * in[3].at(h.k(s, head)+d)
			}
			return dq
		}}
}

func attentionBackKV(t uint32, m Shape, precision uint32) Row {
	h := heads{m, int(t)}
	x, y := floats(t, m.qkv()), floats(t, m.Heads, m.HeadDim)
	first := int(m.Heads) * h.dim() // column of k
	return Row{Op: "attention_back_kv", T: t, FLOP: h.flop(4), Bytes: bytes(x, y, x),
		sizes: kernel.AttentionBackKV(h.sizes(precision)),
		out:   []operand{x}, in: []operand{y, h.logSum(), scaled(0.1, t, m.Heads), x, h.users()},
		tol: attentionError(precision), cast: precision,
		pick: func(i int) int { return i/h.width()*h.width() + first + i%(h.width()-first) },
		define: func(in []values, _ values, i int) (dx float64) {
			row, col := i/h.width(), i%h.width()-first
			isV, d := col >= int(m.KVHeads)*h.dim(), col%h.dim()
			group := int(m.Heads / m.KVHeads)
			for g := range group {
				head := col/h.dim()%int(m.KVHeads)*group + g
				for t := row; t < h.t; t++ {
					p, dp := h.pair(in[0], in[1], in[3], t, row, head)
					if isV {
						dx += p * in[0].at((t*int(m.Heads)+head)*h.dim()+d)
					} else {
						dx += p * (dp - in[2].at(t*int(m.Heads)+head)) * h.scale() * in[3].at(h.q(t, head)+d)
					}
				}
			}
			return dx
		}}
}
