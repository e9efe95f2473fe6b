package cpu

import (
	"math"
	"unsafe"

	"github.com/vulora/vulora/tensor/kernel"
)

const (
	queryTile = 48  // queries of one item; a multiple of every mr that has assembly
	keyBlock  = 256 // keys whose packed K and V stay in cache; a multiple of every nr
	pairBlock = 128 // keys of one item, and queries that meet them at a time, in the gradient for keys and values
)

// heads is what the attention kernels share: their sizes, where their operands lie, and how they are multiplied: as
// float32, or as pairs of bfloat16 along the inner dimension of each product.
type heads struct {
	v                *isa
	t, s, h, g, d    int // queries, keys, heads, heads per key/value head, head size
	q, k, val, dy    part
	qStride          int
	kvStride         int
	scale            float32
	bounds           []int32
	tile             tileFunc
	pairs            bool
	depth            int // head size in elements or pairs
	panelD           int // head size rounded up to whole panels
	wide, tall, rows int // scratch: elements of panels [keyBlock, D] and [D, keyBlock], and of mr rows of scores
	one              int // of a tile
	rounds           []*rounding
}

// A part is where one element of each row and head lies, and bytes from one row, or head, to the next.
type part struct {
	p         unsafe.Pointer
	row, head int
}

func (x part) at(row, head int) unsafe.Pointer {
	if x.p == nil {
		return nil
	}
	return unsafe.Add(x.p, row*x.row+head*x.head)
}

// floats is part of a matrix of float32 from column off on.
func floats(x []float32, off, stride uint32, d int) part {
	if len(x) == 0 {
		return part{}
	}
	return part{address(x, int(off)), 4 * int(stride), 4 * d}
}

func inf(sign int) float32 { return float32(math.Inf(sign)) }

// newHeads checks the sizes. q and kv are the operands that hold queries and keys with values, dy that of the
// gradient, if there is one.
func newHeads(b *builder, s kernel.Attention, q, kv kernel.Range, dy *kernel.Range) *heads {
	if s.KVHeads == 0 || s.Heads == 0 || s.Heads%s.KVHeads != 0 || s.D == 0 || s.D > 1<<12 || s.Heads > 1<<16 {
		b.fail("want heads that are a multiple of kv heads and a head size of 1 … 4096, had %d, %d, %d",
			s.Heads, s.KVHeads, s.D)
		return nil
	}
	qCols, kvCols := s.Heads*s.D, s.KVHeads*s.D
	b.inside("q", uint64(qCols), s.QOff, s.QStride)
	b.inside("k", uint64(kvCols), s.KOff, s.KVStride)
	b.inside("v", uint64(kvCols), s.VOff, s.KVStride)
	if float64(s.Scale)-float64(s.Scale) != 0 {
		b.fail("want a finite scale, had %v", s.Scale)
	}
	qs := b.f32("q", q, strided(s.T, qCols, s.QStride, s.QOff))
	ks := b.f32("k", kv, strided(s.S, kvCols, s.KVStride, s.KOff))
	vs := b.f32("v", kv, strided(s.S, kvCols, s.KVStride, s.VOff))
	var dys []float32
	if dy != nil {
		dys = b.f32("dy", *dy, times(s.T, s.Heads, s.D))
	}
	if !b.ok() {
		return nil
	}
	a := &heads{
		v: b.v, t: int(s.T), s: int(s.S), h: int(s.Heads), g: int(s.Heads / s.KVHeads), d: int(s.D),
		qStride: int(s.QStride), kvStride: int(s.KVStride), scale: s.Scale, tile: b.v.tile, depth: int(s.D),
	}
	a.q, a.k = floats(qs, s.QOff, s.QStride, a.d), floats(ks, s.KOff, s.KVStride, a.d)
	a.val, a.dy = floats(vs, s.VOff, s.KVStride, a.d), floats(dys, 0, qCols, a.d)
	a.panelD = (a.d + b.v.nr - 1) / b.v.nr * b.v.nr
	a.wide, a.tall, a.one = keyBlock*a.panelD, keyBlock*a.d, b.v.mr*b.v.nr
	a.rows = b.v.mr * keyBlock
	if a.t > fewRows && b.pairable(s.Precision) {
		a.pair(b)
	}
	return a
}

// after is x from element n on, nil if x is empty.
func after(x []float32, n uint32) []float32 {
	if len(x) == 0 {
		return nil
	}
	return x[n:]
}

// A carver hands out parts of a worker's scratch.
type carver []float32

func (c *carver) take(n int) []float32 {
	n = (n + 15) &^ 15
	part := (*c)[:n:n]
	*c = (*c)[n:]
	return part
}

// steps is the number of elements or pairs that n elements along an inner dimension make.
func (a *heads) steps(n int) int {
	if a.pairs {
		return (n + 1) / 2
	}
	return n
}

// packWide packs rows row … row+n−1 of head h as the right factor of a product over rows: panels [D/nr, n, nr].
func (a *heads) packWide(panels []float32, x part, row, h, n int) {
	for j := 0; j < a.d; j += a.v.nr {
		p, cols := address(panels, j*a.steps(n)), min(a.v.nr, a.d-j)
		if a.pairs {
			a.v.bf16.packRows(p, unsafe.Add(x.at(row, h), 2*j), x.row/2, n, cols)
		} else {
			a.v.packRows[kernel.F32](p, unsafe.Add(x.at(row, h), 4*j), x.row/4, n, cols)
		}
	}
}

// packTall packs the same rows as the right factor of a product over D: panels [n/nr, D, nr].
func (a *heads) packTall(panels []float32, x part, row, h, n int) {
	for j := 0; j < n; j += a.v.nr {
		p, cols := address(panels, j*a.depth), min(a.v.nr, n-j)
		if a.pairs {
			a.v.bf16.packCols(p, x.at(row+j, h), x.row/2, a.d, cols)
		} else {
			a.v.packCols[kernel.F32](p, x.at(row+j, h), x.row/4, a.d, cols)
		}
	}
}

func (a *heads) grid(spare []float32) grid {
	return grid{tile: a.tile, mr: a.v.mr, nr: a.v.nr, spare: address(spare, 0)}
}

// span returns the keys of query t.
func (a *heads) span(t int) (lo, hi int) {
	lo, hi = max(0, int(a.bounds[2*t])), min(a.s, int(a.bounds[2*t+1]))
	return lo, max(lo, hi)
}

// reach returns the smallest range that holds the keys of queries t0 … t1−1, cut to from … to−1.
func (a *heads) reach(t0, t1, from, to int) (lo, hi int) {
	lo, hi = to, from
	for t := t0; t < t1; t++ {
		if l, h := a.span(t); l < h {
			lo, hi = min(lo, l), max(hi, h)
		}
	}
	return max(lo, from), min(hi, to)
}

// panelsOf widens lo … hi to whole panels of columns.
func (a *heads) panelsOf(lo, hi int) (from, to int) {
	return lo / a.v.nr * a.v.nr, (hi + a.v.nr - 1) / a.v.nr * a.v.nr
}

// hide sets the scores of row t, of the keys from k0 on, that lie outside the query's own to −Inf, and says whether any
// are left.
func (a *heads) hide(row []float32, t, k0 int) bool {
	lo, hi := a.span(t)
	lo, hi = min(max(lo-k0, 0), len(row)), min(max(hi-k0, 0), len(row))
	if lo >= hi {
		clear(row)
		return false
	}
	fill(row[:lo], inf(-1))
	fill(row[hi:], inf(-1))
	return true
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}
