package cpu

import (
	"github.com/vulora/vulora/tensor/kernel"
)

// matMul brings the longer of c's sides to the columns of tiles: with the few columns of an adapter most of a tile's
// width would be padding.
func matMul(b *builder, s kernel.MatMul) func() {
	b.want(1, 2)
	if b.err != nil {
		return nil
	}
	ar, ac, br, bc := s.M, s.K, s.K, s.N
	if s.TransA != 0 {
		ar, ac = ac, ar
	}
	if s.TransB != 0 {
		br, bc = bc, br
	}
	na, nb := strided(ar, ac, s.LDA, 0), strided(br, bc, s.LDB, 0)
	x := b.f32("a", b.l.In[0], offset(na, s.AOff))
	y := b.f32("b", b.l.In[1], offset(nb, s.BOff))
	c := b.f32("c", b.l.Out[0], strided(s.M, s.N, s.LDC, s.COff))
	if s.M > 1 && s.N > 0 {
		b.inside("c", uint64(s.N), 0, s.LDC)
	}
	if !b.ok() {
		return nil
	}
	p := &product{
		v: b.v, m: int(s.M), n: int(s.N), k: int(s.K),
		c: address(c, int(s.COff)), ldc: int(s.LDC), alpha: s.Alpha, acc: s.Acc != 0,
	}
	if s.M == 0 || s.N == 0 {
		return func() {}
	}
	aw := weight{p: address(x, int(s.AOff)), dtype: kernel.F32, ld: int(s.LDA)}
	bw := weight{p: address(y, int(s.BOff)), dtype: kernel.F32, ld: int(s.LDB)}
	aTrans, bTrans := s.TransA != 0, s.TransB != 0
	if p.flip = s.N < s.M && (aTrans || s.N <= 16); p.flip {
		// cᵀ = bᵀ·aᵀ
		p.m, p.n = p.n, p.m
		aw, bw = bw, aw
		aTrans, bTrans = !bTrans, !aTrans
	}
	p.a, p.rs, p.cs = aw.p, aw.ld, 1
	if aTrans {
		p.rs, p.cs = 1, aw.ld
	}
	if p.b = source(rows{bw}); bTrans {
		p.b = columns{bw}
	}
	return b.product(p)
}

// offset adds where an operand starts to its length, unless it has none.
func offset(n uint64, off uint32) uint64 {
	if n == 0 {
		return 0
	}
	return n + uint64(off)
}

// product turns p into a closure.
func (b *builder) product(p *product) func() {
	pool := b.p.d.pool
	p.prepare(len(pool.workers))
	b.each = max(b.each, p.scratchElements())
	item := p.item
	return func() { p.run(pool, item, nil) }
}
