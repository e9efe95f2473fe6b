package cpu

const (
	chunkKeys  = 128 // keys of one item, at least
	mostChunks = 32  // that the keys of one query are split into
)

// split is attention for so few queries that there would be too few items: their keys are split instead, by their
// number alone, and the sums of the chunks joined in order.
func (a *heads) split(b *builder, y, lse []float32) func() {
	size := max(1, (a.s+mostChunks*chunkKeys-1)/(mostChunks*chunkKeys)) * chunkKeys
	most, groups := max(1, (a.s+size-1)/size), a.h/a.g
	n, d := a.t, b.p.d
	each := (n*a.g*(a.d+2) + 15) &^ 15 // y, then top and total, of one chunk and key/value head
	off := (b.shared + 15) &^ 15       // after what is rounded
	b.shared = max(b.shared, off+most*groups*each)
	part := func(c, g int) sums {
		x := d.shared[off+(c*groups+g)*each:][:each]
		m := n * a.g
		return sums{y: x, row: a.g * a.d, top: x[m*a.d:][:m], total: x[m*(a.d+1):][:m]}
	}
	lo, hi := 0, 0
	item := func(i int, w *worker) {
		o := part(i/groups, i%groups)
		from := lo + i/groups*size
		a.forward(carver(w.scratch), &o, i%groups, 0, n, from, min(hi, from+size))
	}
	chunks := 0
	join := func(i int, _ *worker) {
		for r := i * rowBlock; r < min(n*a.h, (i+1)*rowBlock); r++ {
			t, h := r/a.h, r%a.h
			out := y[r*a.d:][:a.d]
			clear(out)
			top, total := inf(-1), float32(0)
			at := h%a.g*n + t
			for c := range chunks {
				top = max(top, part(c, h/a.g).top[at])
			}
			for c := range chunks {
				x := part(c, h/a.g)
				if x.total[at] == 0 {
					continue
				}
				k := exp(x.top[at] - top)
				total += k * x.total[at]
				from := x.y[t*x.row+h%a.g*a.d:][:a.d]
				a.v.scale(from, k)
				a.v.sum(out, out, from)
			}
			lse[r] = a.finish(out, top, total)
		}
	}
	return func() {
		lo, hi = a.reach(0, n, 0, a.s)
		a.round(d, lo, hi)
		chunks = (hi - lo + size - 1) / size
		d.pool.each(chunks*groups, item)
		d.pool.each((n*a.h+rowBlock-1)/rowBlock, join)
	}
}
