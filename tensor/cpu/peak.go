package cpu

import "github.com/vulora/vulora/tensor/kernel"

// peak runs the tile of products over one panel in the first-level cache.
func peak(b *builder, s kernel.Peak) func() {
	b.want(1, 0)
	if b.err != nil {
		return nil
	}
	b.f32("y", b.l.Out[0], uint64(s.Items))
	if !b.ok() {
		return nil
	}
	const k = 160 // the panel and the rows stay in 32 KiB
	v, pool, tile, mr, factors := b.v, b.p.d.pool, b.v.tile, b.v.mr, 1
	if s.Precision == kernel.RoundBF16 && b.p.d.bf16 {
		tile, mr, factors = v.bf16.tile, v.bf16.mr, 2 // k counts pairs
	}
	each := mr * v.nr * k * factors
	calls := (int(s.Turns)*kernel.PeakOps + each - 1) / each
	b.each = max(b.each, mr*k+k*v.nr+mr*v.nr)
	item := func(_ int, w *worker) {
		panel, c := mr*k, mr*k+k*v.nr
		clear(w.scratch[:c]) // what is left there may be denormal
		for range calls {
			tile(mr, k, address(w.scratch, 0), k, 1, address(w.scratch, panel), address(w.scratch, c), v.nr, 1, false)
		}
	}
	return func() { pool.each(int(s.Items), item) }
}
