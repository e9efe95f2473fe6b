package cpu

import (
	"github.com/vulora/vulora/tensor/kernel"
)

// elementBlock is the number of elements in one item of a loop over elements: 16 KiB, half of a small first-level
// cache.
const elementBlock = 4096

// eachBlock returns a closure that calls block for [0, elementBlock), [elementBlock, 2·elementBlock) … up to n.
func (b *builder) eachBlock(n uint32, block func(i, j int)) func() {
	pool, total := b.p.d.pool, int(n)
	item := func(i int, _ *worker) { block(i*elementBlock, min(total, (i+1)*elementBlock)) }
	return func() { pool.each((total+elementBlock-1)/elementBlock, item) }
}

func add(b *builder, s kernel.Add) func() {
	b.want(1, 1)
	if b.err != nil {
		return nil
	}
	x, y := b.f32("a", b.l.Out[0], uint64(s.N)), b.f32("b", b.l.In[0], uint64(s.N))
	if !b.ok() {
		return nil
	}
	v := b.v
	return b.eachBlock(s.N, func(i, j int) { v.sum(x[i:j], x[i:j], y[i:j]) })
}

func scale(b *builder, s kernel.Scale) func() {
	b.want(1, 0)
	if b.err != nil {
		return nil
	}
	x := b.f32("x", b.l.Out[0], uint64(s.N))
	if !b.ok() {
		return nil
	}
	v := b.v
	return b.eachBlock(s.N, func(i, j int) { v.scale(x[i:j], s.K) })
}

func copyWords(b *builder, s kernel.Copy) func() {
	b.want(1, 1)
	if b.err != nil {
		return nil
	}
	for _, r := range []kernel.Range{b.l.Out[0], b.l.In[0]} {
		if r.DType.Size() != 4 {
			b.fail("want elements of 4 bytes, had %v", r.DType)
			return nil
		}
	}
	y := view[uint32](b, "y", b.l.Out[0], uint64(s.N), b.l.Out[0].DType)
	x := view[uint32](b, "x", b.l.In[0], uint64(s.N), b.l.In[0].DType)
	if !b.ok() {
		return nil
	}
	return b.eachBlock(s.N, func(i, j int) { copy(y[i:j], x[i:j]) })
}

func accumulate(b *builder, s kernel.Accumulate) func() {
	b.want(1, 2)
	if b.err != nil {
		return nil
	}
	sum, g := b.f32("sum", b.l.Out[0], uint64(s.N)), b.f32("g", b.l.In[0], uint64(s.N))
	keep := b.f32("keep", b.l.In[1], 1)
	if !b.ok() {
		return nil
	}
	v := b.v
	return b.eachBlock(s.N, func(i, j int) {
		if keep[0] == 0 {
			copy(sum[i:j], g[i:j])
		} else {
			v.sum(sum[i:j], sum[i:j], g[i:j])
		}
	})
}

// sum adds in float64, in order: its operand is as long as a micro-batch has tokens.
func sum(b *builder, s kernel.Sum) func() {
	b.want(1, 2)
	if b.err != nil {
		return nil
	}
	y := b.f32("y", b.l.Out[0], 1)
	x, factor := b.f32("x", b.l.In[0], uint64(s.N)), b.f32("scale", b.l.In[1], 1)
	if !b.ok() {
		return nil
	}
	return func() {
		total := 0.0
		for _, v := range x {
			total += float64(v)
		}
		y[0] = float32(total * float64(factor[0]))
	}
}
