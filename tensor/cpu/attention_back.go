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
	a := newHeads(b, kernel.Attention(s), b.l.In[3], b.l.In[3])
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
	b.each = max(b.each, a.wide+2*a.tall+2*a.scores+a.one+256)
	pool, groups := b.p.d.pool, a.h/a.g
	tiles := (a.t + queryTile - 1) / queryTile
	item := func(i int, w *worker) {
		t0 := (tiles - 1 - i/groups) * queryTile
		a.backQ(w, dq, delta, dy, y, lse, i%groups, t0, min(a.t, t0+queryTile))
	}
	return func() { pool.each(tiles*groups, item) }
}

func (a *heads) backQ(w *worker, dq, delta, dy, y, lse []float32, g, t0, t1 int) {
	v, c, n := a.v, carver(w.scratch), t1-t0
	keys, keysWide, values := c.take(a.tall), c.take(a.wide), c.take(a.tall)
	scores, dp := c.take(a.scores), c.take(a.scores)
	grid := a.grid(c.take(a.one))
	yStride := a.h * a.d
	for t := t0; t < t1; t++ {
		clear(dq[t*a.qStride+g*a.g*a.d:][:a.g*a.d])
		for h := g * a.g; h < (g+1)*a.g; h++ {
			at := t*yStride + h*a.d
			delta[t*a.h+h] = v.dot(dy[at:at+a.d], y[at:at+a.d])
		}
	}
	lo, hi := a.reach(t0, t1)
	for k0 := lo; k0 < hi; k0 += keyBlock {
		kn := min(keyBlock, hi-k0)
		width := (kn + v.nr - 1) / v.nr * v.nr
		a.packTall(keys, a.k, k0, a.kvStride, g*a.d, kn)
		a.packWide(keysWide, a.k, k0, a.kvStride, g*a.d, kn)
		a.packTall(values, a.val, k0, a.kvStride, g*a.d, kn)
		for h := g * a.g; h < (g+1)*a.g; h++ {
			q := address(a.q, t0*a.qStride+h*a.d)
			grid.run(n, width, a.d, q, a.qStride, 1, address(keys, 0), address(scores, 0), keyBlock, a.scale, false)
			grid.run(n, width, a.d, address(dy, t0*yStride+h*a.d), yStride, 1, address(values, 0), address(dp, 0),
				keyBlock, 1, false)
			for r := range n {
				row, at := scores[r*keyBlock:][:width], (t0+r)*a.h+h
				if !a.hide(row, t0+r, k0, kn) {
					continue
				}
				v.expSum(row, lse[at])
				v.score(row, dp[r*keyBlock:][:width], delta[at], a.scale)
			}
			grid.run(n, a.d, kn, address(scores, 0), keyBlock, 1, address(keysWide, 0),
				unsafe.Pointer(&dq[t0*a.qStride+h*a.d]), a.qStride, 1, true)
		}
	}
}

func attentionBackKV(b *builder, s kernel.AttentionBackKV) func() {
	b.want(1, 5)
	if b.err != nil {
		return nil
	}
	a := newHeads(b, kernel.Attention(s), b.l.In[3], b.l.In[3])
	kvCols := s.KVHeads * s.D
	dk := b.f32("dx", b.l.Out[0], strided(s.S, kvCols, s.KVStride, s.KOff))
	dv := b.f32("dx", b.l.Out[0], strided(s.S, kvCols, s.KVStride, s.VOff))
	dy := b.f32("dy", b.l.In[0], times(s.T, s.Heads, s.D))
	lse := b.f32("lse", b.l.In[1], times(s.T, s.Heads))
	delta := b.f32("delta", b.l.In[2], times(s.T, s.Heads))
	users := b.i32("users", b.l.In[4], times(s.S, 2))
	if !b.ok() {
		return nil
	}
	if a.s == 0 {
		return func() {}
	}
	dk, dv = after(dk, s.KOff), after(dv, s.VOff)
	b.each = max(b.each, 2*a.wide+2*a.tall+2*a.scores+a.one+256)
	pool, groups := b.p.d.pool, a.h/a.g
	item := func(i int, w *worker) {
		s0 := i / groups * pairBlock
		a.backKV(w, dk, dv, dy, lse, delta, users, i%groups, s0, min(a.s, s0+pairBlock))
	}
	return func() { pool.each((a.s+pairBlock-1)/pairBlock*groups, item) }
}

// backKV keeps one block of keys packed while all their queries pass: dv = Pᵀ·dy and dk = dSᵀ·q.
func (a *heads) backKV(w *worker, dk, dv, dy, lse, delta []float32, users []int32, g, s0, s1 int) {
	v, c, n := a.v, carver(w.scratch), s1-s0
	keys, values := c.take(a.tall), c.take(a.tall)
	dyWide, qWide := c.take(a.wide), c.take(a.wide)
	scores, dp := c.take(a.scores), c.take(a.scores)
	grid := a.grid(c.take(a.one))
	yStride, width := a.h*a.d, (n+v.nr-1)/v.nr*v.nr
	lo, hi := a.t, 0
	for s := s0; s < s1; s++ {
		clear(dk[s*a.kvStride+g*a.d:][:a.d])
		clear(dv[s*a.kvStride+g*a.d:][:a.d])
		if l, h := max(0, int(users[2*s])), min(a.t, int(users[2*s+1])); l < h {
			lo, hi = min(lo, l), max(hi, h)
		}
	}
	if lo >= hi {
		return
	}
	u := usersOf(users[2*s0 : 2*s1])
	a.packTall(keys, a.k, s0, a.kvStride, g*a.d, n)
	a.packTall(values, a.val, s0, a.kvStride, g*a.d, n)
	for h := g * a.g; h < (g+1)*a.g; h++ {
		for t0 := lo; t0 < hi; t0 += pairBlock {
			tn := min(pairBlock, hi-t0)
			a.packWide(dyWide, dy, t0, yStride, h*a.d, tn)
			a.packWide(qWide, a.q, t0, a.qStride, h*a.d, tn)
			grid.run(tn, width, a.d, address(a.q, t0*a.qStride+h*a.d), a.qStride, 1, address(keys, 0),
				address(scores, 0), pairBlock, a.scale, false)
			grid.run(tn, width, a.d, address(dy, t0*yStride+h*a.d), yStride, 1, address(values, 0),
				address(dp, 0), pairBlock, 1, false)
			u.hide(scores, t0, tn, width)
			for r := range tn {
				if at := (t0+r)*a.h + h; lse[at] == inf(-1) {
					clear(scores[r*pairBlock:][:width])
				} else {
					v.expSum(scores[r*pairBlock:][:width], lse[at])
				}
			}
			grid.run(n, a.d, tn, address(scores, 0), 1, pairBlock, address(dyWide, 0),
				unsafe.Pointer(&dv[s0*a.kvStride+g*a.d]), a.kvStride, 1, true)
			for r := range tn {
				v.score(scores[r*pairBlock:][:width], dp[r*pairBlock:][:width], delta[(t0+r)*a.h+h], a.scale)
			}
			grid.run(n, a.d, tn, address(scores, 0), 1, pairBlock, address(qWide, 0),
				unsafe.Pointer(&dk[s0*a.kvStride+g*a.d]), a.kvStride, 1, true)
		}
	}
}

// keyUsers are the queries of a block of keys: lo[s] … hi[s]−1 for each key s.
type keyUsers struct {
	bounds []int32 // lo and hi of each key
	sorted bool    // neither ever falls from one key to the next, as in packed causal sequences
}

func usersOf(bounds []int32) keyUsers {
	u := keyUsers{bounds, true}
	for i := 2; i < len(bounds); i++ {
		u.sorted = u.sorted && bounds[i] >= bounds[i-2]
	}
	return u
}

// hide sets the scores of all keys for those of the queries t0 … t0+n−1 that do not use them to −Inf. Rows of scores
// are pairBlock long; what lies beyond width is left alone.
func (u keyUsers) hide(scores []float32, t0, n, width int) {
	keys := len(u.bounds) / 2
	if u.sorted {
		from, to := 0, 0 // the keys of query t0+r
		for r := range n {
			t := int32(t0 + r)
			for from < keys && u.bounds[2*from+1] <= t {
				from++
			}
			for to < keys && u.bounds[2*to] <= t {
				to++
			}
			row := scores[r*pairBlock:][:width]
			fill(row[:from], inf(-1))
			fill(row[max(from, to):], inf(-1))
		}
		return
	}
	for s := range keys {
		lo, hi := min(max(int(u.bounds[2*s])-t0, 0), n), min(max(int(u.bounds[2*s+1])-t0, 0), n)
		for r := range n {
			if r < lo || r >= hi {
				scores[r*pairBlock+s] = inf(-1)
			}
		}
	}
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}
