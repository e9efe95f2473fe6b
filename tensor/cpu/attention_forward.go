package cpu

import (
	"math"

	"github.com/vulora/vulora/tensor/kernel"
)

func attention(b *builder, s kernel.Attention) func() {
	b.want(2, 3)
	if b.err != nil {
		return nil
	}
	a := newHeads(b, s, b.l.In[0], b.l.In[1], nil)
	y := b.f32("y", b.l.Out[0], times(s.T, s.Heads, s.D))
	lse := b.f32("lse", b.l.Out[1], times(s.T, s.Heads))
	bounds := b.i32("bounds", b.l.In[2], times(s.T, 2))
	if !b.ok() {
		return nil
	}
	if a.t == 0 {
		return func() {}
	}
	a.bounds = bounds
	b.each = max(b.each, a.wide+a.tall+2*a.rows+a.one+2*queryTile*a.g+256)
	if a.t <= queryTile {
		return a.split(b, y, lse)
	}
	d, groups, width := b.p.d, a.h/a.g, a.h*a.d
	tiles := (a.t + queryTile - 1) / queryTile
	item := func(i int, w *worker) {
		// Later queries have more keys: they start first.
		g, t0 := i%groups, (tiles-1-i/groups)*queryTile
		n := min(a.t-t0, queryTile)
		c := carver(w.scratch)
		o := sums{y: y[t0*width+g*a.g*a.d:], row: width, top: c.take(n * a.g), total: c.take(n * a.g)}
		a.forward(c, &o, g, t0, n, 0, a.s)
		for j := range a.g {
			for r := range n {
				at := (t0+r)*a.h + g*a.g + j
				lse[at] = a.finish(y[at*a.d:][:a.d], o.top[j*n+r], o.total[j*n+r])
			}
		}
	}
	return func() {
		lo, hi := a.reach(0, a.t, 0, a.s)
		a.round(d, lo, hi)
		d.pool.each(tiles*groups, item)
	}
}

// sums are what an online softmax has of n queries and the heads that share a key/value head: y, not divided yet, with
// row elements from one query to the next and heads side by side, and the largest score with the sum of exponentials
// relative to it of each head and query.
type sums struct {
	y          []float32
	row        int
	top, total []float32
}

// finish divides y by its sum and returns lse.
func (a *heads) finish(y []float32, top, total float32) float32 {
	if total != 0 {
		a.v.scale(y, 1/total)
	}
	return top + float32(math.Log(float64(total)))
}

// forward is the online softmax (Milakov and Gimelshein 2018; Dao et al. 2022) of queries t0 … t0+n−1 of the heads that
// share key/value head g over those of their keys that lie in from … to−1: for each block of keys, y and the sum so far
// are scaled to the new maximum.
func (a *heads) forward(c carver, o *sums, g, t0, n, from, to int) {
	v := a.v
	keys, values := c.take(a.tall), c.take(a.wide)
	scores, low := c.take(a.rows), c.take(a.rows)
	grid := a.grid(c.take(a.one))
	for i := range o.top {
		o.top[i], o.total[i] = inf(-1), 0
	}
	for r := range n {
		clear(o.y[r*o.row:][:a.g*a.d])
	}
	// One query has too few rows for a tile: the heads of the group are its rows instead.
	loops, m, qStep, yStep, heads := a.g, n, a.q.row, o.row, 0
	if n == 1 {
		loops, m, qStep, yStep, heads = 1, a.g, a.q.head, a.d, 1
	}
	lo, hi := a.reach(t0, t0+n, from, to)
	for k0 := lo; k0 < hi; k0 += keyBlock {
		kn := min(keyBlock, hi-k0)
		a.packTall(keys, a.k, k0, g, kn)
		a.packWide(values, a.val, k0, g, kn)
		for j := range loops {
			for i := 0; i < m; i += v.mr {
				rows, t := min(v.mr, m-i), t0+i*(1-heads)
				l, h := a.reach(t, t+rows*(1-heads)+heads, k0, k0+kn)
				if l, h = a.panelsOf(l-k0, h-k0); l >= h {
					continue
				}
				q, out := a.q.at(t, g*a.g+j+i*heads), o.y[i*yStep+j*a.d:]
				grid.run(rows, h-l, a.depth, q, qStep/4, 1, address(keys, l*a.depth), address(scores, 0), keyBlock,
					a.scale, false)
				for r := range rows {
					row, at := scores[r*keyBlock:][:h-l], j*m+i+r
					if !a.hide(row, t+r*(1-heads), k0+l) {
						continue
					}
					if top, next := o.top[at], v.largest(row); next > top {
						if o.top[at] = next; o.total[at] != 0 {
							shrink := exp(top - next)
							o.total[at] *= shrink
							v.scale(out[r*yStep:][:a.d], shrink)
						}
					}
					o.total[at] += v.expSum(row, o.top[at])
				}
				h = min(h, kn)
				p, rs := a.left(low, scores, rows, h-l)
				grid.panel = a.steps(kn)
				grid.run(rows, a.d, a.steps(h-l), p, rs, 1, address(values, a.steps(l)*v.nr), address(out, 0), yStep, 1, true)
				grid.panel = 0
			}
		}
	}
}
