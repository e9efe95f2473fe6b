package cpu

import (
	"unsafe"

	"github.com/vulora/vulora/tensor/kernel"
)

func attentionBackKV(b *builder, s kernel.AttentionBackKV) func() {
	b.want(1, 5)
	if b.err != nil {
		return nil
	}
	a := newHeads(b, kernel.Attention(s), b.l.In[3], b.l.In[3], &b.l.In[0])
	kvCols := s.KVHeads * s.D
	dk := b.f32("dx", b.l.Out[0], strided(s.S, kvCols, s.KVStride, s.KOff))
	dv := b.f32("dx", b.l.Out[0], strided(s.S, kvCols, s.KVStride, s.VOff))
	lse := b.f32("lse", b.l.In[1], times(s.T, s.Heads))
	delta := b.f32("delta", b.l.In[2], times(s.T, s.Heads))
	users := b.i32("users", b.l.In[4], times(s.S, 2))
	if !b.ok() {
		return nil
	}
	if a.s == 0 {
		return func() {}
	}
	o := keyGrads{after(dk, s.KOff), after(dv, s.VOff), lse, delta}
	b.each = max(b.each, 2*a.wide+2*a.tall+2*pairBlock*pairBlock+2*a.rows+a.one+256)
	d, groups := b.p.d, a.h/a.g
	item := func(i int, w *worker) {
		s0 := i / groups * pairBlock
		n := min(a.s-s0, pairBlock)
		for s := s0; s < s0+n; s++ {
			clear(o.dk[s*a.kvStride+i%groups*a.d:][:a.d])
			clear(o.dv[s*a.kvStride+i%groups*a.d:][:a.d])
		}
		if u := usersOf(users[2*s0:2*(s0+n)], a.t); u.lo < u.hi {
			a.backKV(carver(w.scratch), &o, u, i%groups, s0, n)
		}
	}
	return func() {
		a.round(d, 0, a.s)
		d.pool.each((a.s+pairBlock-1)/pairBlock*groups, item)
	}
}

// keyGrads are the results of backKV, and what it reads of each query.
type keyGrads struct{ dk, dv, lse, delta []float32 }

// backKV keeps one block of keys packed while all their queries pass: dv = Pᵀ·dy and dk = dSᵀ·q.
func (a *heads) backKV(c carver, o *keyGrads, u keyUsers, g, s0, n int) {
	v := a.v
	keys, values := c.take(a.tall), c.take(a.tall)
	dyWide, qWide := c.take(a.wide), c.take(a.wide)
	p, ds := c.take(pairBlock*pairBlock), c.take(pairBlock*pairBlock)
	rowsP, rowsDS := c.take(a.rows), c.take(a.rows)
	grid := a.grid(c.take(a.one))
	width := (n + v.nr - 1) / v.nr * v.nr
	a.packTall(keys, a.k, s0, g, n)
	a.packTall(values, a.val, s0, g, n)
	for h := g * a.g; h < (g+1)*a.g; h++ {
		for t0 := u.lo; t0 < u.hi; t0 += pairBlock {
			tn := min(pairBlock, u.hi-t0)
			a.packWide(dyWide, a.dy, t0, h, tn)
			a.packWide(qWide, a.q, t0, h, tn)
			for i := 0; i < tn; i += v.mr {
				t, rows := t0+i, min(v.mr, tn-i)
				x, y := rowsP, rowsDS
				if !a.pairs {
					x, y = p[i*pairBlock:], ds[i*pairBlock:]
				}
				l, r := a.panelsOf(u.keys(t, t+rows))
				if l < r {
					grid.run(rows, r-l, a.depth, a.q.at(t, h), a.q.row/4, 1, address(keys, l*a.depth), address(x, l),
						pairBlock, a.scale, false)
					grid.run(rows, r-l, a.depth, a.dy.at(t, h), a.dy.row/4, 1, address(values, l*a.depth), address(y, l),
						pairBlock, 1, false)
					u.hide(x, t, rows, l, r)
				}
				for j := range rows {
					row, dp, at := x[j*pairBlock:][:width], y[j*pairBlock:][:width], (t+j)*a.h+h
					if l >= r || o.lse[at] == inf(-1) {
						clear(row)
						clear(dp)
						continue
					}
					clear(row[:l])
					clear(dp[:l])
					clear(row[r:])
					clear(dp[r:])
					v.expSum(row[l:r], o.lse[at])
					v.score(dp[l:r], row[l:r], o.delta[at], a.scale)
				}
				if a.pairs {
					a.pairUp(p[i/2*pairBlock:], x, rows, width)
					a.pairUp(ds[i/2*pairBlock:], y, rows, width)
				}
			}
			for m := 0; m < n; m += v.mr {
				rows := min(v.mr, n-m)
				from, to := u.queries(m, m+rows)
				from, to = max(from-t0, 0)&^1, min(to-t0, tn)
				if from >= to {
					continue
				}
				first, steps, at := a.steps(from), a.steps(to-from), (s0+m)*a.kvStride+g*a.d
				grid.panel = a.steps(tn)
				grid.run(rows, a.d, steps, address(p, first*pairBlock+m), 1, pairBlock, address(dyWide, first*v.nr),
					unsafe.Pointer(&o.dv[at]), a.kvStride, 1, true)
				grid.run(rows, a.d, steps, address(ds, first*pairBlock+m), 1, pairBlock, address(qWide, first*v.nr),
					unsafe.Pointer(&o.dk[at]), a.kvStride, 1, true)
				grid.panel = 0
			}
		}
	}
}

// pairUp makes rows of pairs of two rows of x each; an odd last row is paired with zeros.
func (a *heads) pairUp(pairs, x []float32, rows, width int) {
	for r := 0; r < rows; r += 2 {
		if r+1 == rows {
			clear(x[(r+1)*pairBlock:][:width])
		}
		a.v.bf16.pairUp(elements[uint32](address(pairs, r/2*pairBlock), width), x[r*pairBlock:], x[(r+1)*pairBlock:])
	}
}

// keyUsers are the queries of a block of keys: bounds[2s] … bounds[2s+1]−1 for key s.
type keyUsers struct {
	bounds []int32
	lo, hi int  // the queries of any key
	sorted bool // neither bound ever falls from one key to the next, as in packed causal sequences
}

// usersOf cuts the bounds to the queries there are.
func usersOf(bounds []int32, queries int) keyUsers {
	u := keyUsers{bounds: bounds, lo: queries, sorted: true}
	for i := 0; i < len(bounds); i += 2 {
		if l, h := max(0, int(bounds[i])), min(queries, int(bounds[i+1])); l < h {
			u.lo, u.hi = min(u.lo, l), max(u.hi, h)
		}
		if i > 0 && (bounds[i] < bounds[i-2] || bounds[i+1] < bounds[i-1]) {
			u.sorted = false
		}
	}
	return u
}

// queries returns the smallest range that holds the queries of keys s0 … s1−1.
func (u *keyUsers) queries(s0, s1 int) (lo, hi int) {
	lo = u.hi
	for s := s0; s < s1; s++ {
		if l, h := max(u.lo, int(u.bounds[2*s])), min(u.hi, int(u.bounds[2*s+1])); l < h {
			lo, hi = min(lo, l), max(hi, h)
		}
	}
	return lo, hi
}

// keys returns a range that holds the keys of queries t0 … t1−1.
func (u *keyUsers) keys(t0, t1 int) (from, to int) {
	n := len(u.bounds) / 2
	if !u.sorted {
		return 0, n
	}
	for to = n; to > 0 && int(u.bounds[2*to-2]) >= t1; {
		to--
	}
	for from < to && int(u.bounds[2*from+1]) <= t0 {
		from++
	}
	return from, to
}

// hide sets the scores of keys l … r−1 for those of the queries t0 … t0+n−1 that do not use them to −Inf. Rows of
// scores are pairBlock long.
func (u *keyUsers) hide(scores []float32, t0, n, l, r int) {
	keys := min(r, len(u.bounds)/2)
	if u.sorted {
		if keys == r && int(u.bounds[2*r-2]) <= t0 && int(u.bounds[2*l+1]) >= t0+n {
			return // all use all
		}
		from, to := l, l // the keys of query t0+i
		for i := range n {
			t := int32(t0 + i)
			for from < keys && u.bounds[2*from+1] <= t {
				from++
			}
			for to < keys && u.bounds[2*to] <= t {
				to++
			}
			row := scores[i*pairBlock:]
			fill(row[l:from], inf(-1))
			fill(row[max(from, to):r], inf(-1))
		}
		return
	}
	for i := range n {
		row, t := scores[i*pairBlock:], int32(t0+i)
		fill(row[keys:r], inf(-1))
		for s := l; s < keys; s++ {
			if t < u.bounds[2*s] || t >= u.bounds[2*s+1] {
				row[s] = inf(-1)
			}
		}
	}
}
