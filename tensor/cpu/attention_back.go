package cpu

import (
	"unsafe"

	"github.com/vulora/vulora/tensor/kernel"
)

// Both gradients make the probabilities again from scores and lse, and use dS = P∘(dy·vᵀ − delta)·scale.

func attentionBackQ(b *builder, s kernel.AttentionBackQ) func() {
	b.want(2, 5)
	if b.err != nil {
		return nil
	}
	if s.QStride != s.KVStride {
		b.fail("want q, k and v in rows of one length, had %d and %d", s.QStride, s.KVStride)
	}
	a := newHeads(b, kernel.Attention(s), b.l.In[3], b.l.In[3], &b.l.In[0])
	dx := b.f32("dx", b.l.Out[0], strided(s.T, s.Heads*s.D, s.QStride, s.QOff))
	delta := b.f32("delta", b.l.Out[1], times(s.T, s.Heads))
	dy := b.f32("dy", b.l.In[0], times(s.T, s.Heads, s.D))
	y := b.f32("y", b.l.In[1], times(s.T, s.Heads, s.D))
	lse := b.f32("lse", b.l.In[2], times(s.T, s.Heads))
	bounds := b.i32("bounds", b.l.In[4], times(s.T, 2))
	if !b.ok() {
		return nil
	}
	if a.t == 0 {
		return func() {}
	}
	a.bounds = bounds
	dq := after(dx, s.QOff)
	b.each = max(b.each, a.wide+2*a.tall+3*a.rows+a.one+256)
	d, groups := b.p.d, a.h/a.g
	tiles := (a.t + queryTile - 1) / queryTile
	item := func(i int, w *worker) {
		g, t0 := i%groups, (tiles-1-i/groups)*queryTile
		n := min(a.t-t0, queryTile)
		for t := t0; t < t0+n; t++ {
			clear(dq[t*a.qStride+g*a.g*a.d:][:a.g*a.d])
			for h := g * a.g; h < (g+1)*a.g; h++ {
				at := (t*a.h + h) * a.d
				delta[t*a.h+h] = a.v.dot(dy[at:at+a.d], y[at:at+a.d])
			}
		}
		a.backQ(w, dq, delta, lse, g, t0, n)
	}
	return func() {
		a.round(d, 0, a.s)
		d.pool.each(tiles*groups, item)
	}
}

func (a *heads) backQ(w *worker, dq, delta, lse []float32, g, t0, n int) {
	v, c := a.v, carver(w.scratch)
	keys, keysWide, values := c.take(a.tall), c.take(a.wide), c.take(a.tall)
	scores, ds, low := c.take(a.rows), c.take(a.rows), c.take(a.rows)
	grid := a.grid(c.take(a.one))
	lo, hi := a.reach(t0, t0+n, 0, a.s)
	for k0 := lo; k0 < hi; k0 += keyBlock {
		kn := min(keyBlock, hi-k0)
		a.packTall(keys, a.k, k0, g, kn)
		a.packWide(keysWide, a.k, k0, g, kn)
		a.packTall(values, a.val, k0, g, kn)
		for h := g * a.g; h < (g+1)*a.g; h++ {
			for t := t0; t < t0+n; t += v.mr {
				rows := min(v.mr, t0+n-t)
				l, r := a.reach(t, t+rows, k0, k0+kn)
				if l, r = a.panelsOf(l-k0, r-k0); l >= r {
					continue
				}
				grid.run(rows, r-l, a.depth, a.q.at(t, h), a.q.row/4, 1, address(keys, l*a.depth), address(scores, 0),
					keyBlock, a.scale, false)
				grid.run(rows, r-l, a.depth, a.dy.at(t, h), a.dy.row/4, 1, address(values, l*a.depth), address(ds, 0),
					keyBlock, 1, false)
				for i := range rows {
					p, dp, at := scores[i*keyBlock:][:r-l], ds[i*keyBlock:][:r-l], (t+i)*a.h+h
					if !a.hide(p, t+i, k0+l) {
						clear(dp)
						continue
					}
					v.expSum(p, lse[at])
					v.score(dp, p, delta[at], a.scale)
					clear(dp[min(r, kn)-l:]) // of no keys: zero times whatever panels hold there may be NaN
				}
				r = min(r, kn)
				x, rs := a.left(low, ds, rows, r-l)
				grid.panel = a.steps(kn)
				grid.run(rows, a.d, a.steps(r-l), x, rs, 1, address(keysWide, a.steps(l)*v.nr),
					unsafe.Pointer(&dq[t*a.qStride+h*a.d]), a.qStride, 1, true)
				grid.panel = 0
			}
		}
	}
}
