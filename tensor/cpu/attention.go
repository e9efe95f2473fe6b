package cpu

import (
	"math"

	"github.com/vulora/vulora/tensor/kernel"
)

const (
	queryTile = 48  // queries of one item; a multiple of every mr that has assembly
	keyBlock  = 256 // keys whose packed K and V stay in cache; a multiple of every nr
	pairBlock = 128 // keys of one item, and queries that meet them at a time, in the gradient for keys and values
)

// heads is what the three attention kernels share: their sizes and where the parts of x lie.
type heads struct {
	v                       *isa
	t, s, h, g, d           int // queries, keys, heads, heads per key/value head, head size
	qStride, kvStride       int
	q, k, val               []float32 // from the first element of each part on; nil if there is none
	scale                   float32
	bounds                  []int32
	panelD                  int // head size rounded up to whole panels
	scores, wide, tall, one int // elements of a score tile, panels [keys or queries, D] and [D, keys], a tile
}

func inf(sign int) float32 { return float32(math.Inf(sign)) }

// newHeads checks the sizes. q and kv are the operands that hold queries and keys with values.
func newHeads(b *builder, s kernel.Attention, q, kv kernel.Range) *heads {
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
	if !b.ok() {
		return nil
	}
	a := &heads{
		v: b.v, t: int(s.T), s: int(s.S), h: int(s.Heads), g: int(s.Heads / s.KVHeads), d: int(s.D),
		qStride: int(s.QStride), kvStride: int(s.KVStride), scale: s.Scale,
	}
	a.q, a.k, a.val = after(qs, s.QOff), after(ks, s.KOff), after(vs, s.VOff)
	a.panelD = (a.d + b.v.nr - 1) / b.v.nr * b.v.nr
	a.wide, a.tall, a.one = keyBlock*a.panelD, keyBlock*a.d, b.v.mr*b.v.nr
	a.scores = max(queryTile*keyBlock, pairBlock*pairBlock)
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

// packWide packs n rows of D elements as the right factor of a product over rows: panels [D/nr, n, nr].
func (a *heads) packWide(panels, x []float32, row, stride, off, n int) {
	for j := 0; j < a.d; j += a.v.nr {
		a.v.packRows[kernel.F32](address(panels, j*n), address(x, row*stride+off+j), stride, n, min(a.v.nr, a.d-j))
	}
}

// packTall packs n rows of D elements as the right factor of a product over D: panels [n/nr, D, nr].
func (a *heads) packTall(panels, x []float32, row, stride, off, n int) {
	for j := 0; j < n; j += a.v.nr {
		a.v.packCols[kernel.F32](address(panels, j*a.d), address(x, (row+j)*stride+off), stride, a.d, min(a.v.nr, n-j))
	}
}

func (a *heads) grid(spare []float32) grid {
	return grid{tile: a.v.tile, mr: a.v.mr, nr: a.v.nr, spare: address(spare, 0)}
}

// span returns the keys of query t.
func (a *heads) span(t int) (lo, hi int) {
	lo, hi = max(0, int(a.bounds[2*t])), min(a.s, int(a.bounds[2*t+1]))
	return lo, max(lo, hi)
}

// reach returns the smallest range that holds the keys of queries t0 … t1−1.
func (a *heads) reach(t0, t1 int) (lo, hi int) {
	lo, hi = a.s, 0
	for t := t0; t < t1; t++ {
		if l, h := a.span(t); l < h {
			lo, hi = min(lo, l), max(hi, h)
		}
	}
	return lo, hi
}

// hide sets the scores of row t that lie in the block of keys from k0 on but outside the query's own to −Inf, up to
// width, and says whether any are left.
func (a *heads) hide(row []float32, t, k0, n int) bool {
	lo, hi := a.span(t)
	lo, hi = min(max(lo-k0, 0), n), min(max(hi-k0, 0), n)
	if lo >= hi {
		clear(row)
		return false
	}
	fill(row[:lo], inf(-1))
	fill(row[hi:], inf(-1))
	return true
}

func attention(b *builder, s kernel.Attention) func() {
	b.want(2, 3)
	if b.err != nil {
		return nil
	}
	a := newHeads(b, s, b.l.In[0], b.l.In[1])
	y := b.f32("y", b.l.Out[0], times(s.T, s.Heads, s.D))
	lse := b.f32("lse", b.l.Out[1], times(s.T, s.Heads))
	bounds := b.i32("bounds", b.l.In[2], times(s.T, 2))
	if !b.ok() {
		return nil
	}
	a.bounds = bounds
	b.each = max(b.each, a.wide+a.tall+a.scores+a.one+2*queryTile*a.g+256)
	pool := b.p.d.pool
	groups := a.h / a.g
	tiles := (a.t + queryTile - 1) / queryTile
	item := func(i int, w *worker) {
		// Later queries have more keys: they start first.
		t0 := (tiles - 1 - i/groups) * queryTile
		a.forward(w, y, lse, i%groups, t0, min(a.t, t0+queryTile))
	}
	return func() { pool.each(tiles*groups, item) }
}

// forward is the online softmax (Milakov and Gimelshein 2018; Dao et al. 2022) of queries t0 … t1−1 of the heads that
// share key/value head g: for each block of keys, y and the sum so far are scaled to the new maximum.
func (a *heads) forward(w *worker, y, lse []float32, g, t0, t1 int) {
	v, c, n := a.v, carver(w.scratch), t1-t0
	keys, values, scores := c.take(a.tall), c.take(a.wide), c.take(a.scores)
	grid := a.grid(c.take(a.one))
	top, total := c.take(queryTile*a.g), c.take(queryTile*a.g)
	yStride := a.h * a.d
	for i := range top {
		top[i], total[i] = inf(-1), 0
	}
	for t := t0; t < t1; t++ {
		clear(y[t*yStride+g*a.g*a.d:][:a.g*a.d])
	}
	lo, hi := a.reach(t0, t1)
	// One query has too few rows for a tile: the heads of the group are its rows instead.
	loops, m, qStep, yStep, headStep := a.g, n, a.qStride, yStride, 0
	if n == 1 && a.g <= queryTile {
		loops, m, qStep, yStep, headStep = 1, a.g, a.d, a.d, 1
	}
	for k0 := lo; k0 < hi; k0 += keyBlock {
		kn := min(keyBlock, hi-k0)
		width := (kn + v.nr - 1) / v.nr * v.nr
		a.packTall(keys, a.k, k0, a.kvStride, g*a.d, kn)
		a.packWide(values, a.val, k0, a.kvStride, g*a.d, kn)
		for j := range loops {
			h := g*a.g + j
			q, out := address(a.q, t0*a.qStride+h*a.d), y[t0*yStride+h*a.d:]
			grid.run(m, width, a.d, q, qStep, 1, address(keys, 0), address(scores, 0), keyBlock, a.scale, false)
			for r := range m {
				row := scores[r*keyBlock:][:width]
				if !a.hide(row, t0+r*(1-headStep), k0, kn) {
					continue
				}
				best, l := &top[j*queryTile+r], &total[j*queryTile+r]
				if next := max(*best, v.largest(row)); next > *best {
					shrink := exp(*best - next)
					*best, *l = next, *l*shrink
					v.scale(out[r*yStep:][:a.d], shrink)
				}
				*l += v.expSum(row, *best)
			}
			grid.run(m, a.d, kn, address(scores, 0), keyBlock, 1, address(values, 0), address(out, 0), yStep, 1, true)
		}
	}
	for j := range loops {
		for r := range m {
			h, t := g*a.g+j+r*headStep, t0+r*(1-headStep)
			best, l := top[j*queryTile+r], total[j*queryTile+r]
			if l != 0 {
				v.scale(y[t*yStride+h*a.d:][:a.d], 1/l)
			}
			lse[t*a.h+h] = best + float32(math.Log(float64(l)))
		}
	}
}
