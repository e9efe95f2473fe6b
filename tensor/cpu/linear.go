package cpu

import (
	"unsafe"

	"github.com/vulora/vulora/tensor/kernel"
)

// fewRows is the largest T for which reading w once per row of x, from cache after the first, beats packing it.
const fewRows = 4

func linear(b *builder, s kernel.Linear) func() {
	scales := b.scales(1)
	b.want(1, 2+scales+int(min(s.Bias, 1)))
	if b.err != nil {
		return nil
	}
	b.inside("y", uint64(s.N), s.YOff, s.YStride)
	y := b.f32("y", b.l.Out[0], strided(s.T, s.N, s.YStride, s.YOff))
	x := b.f32("x", b.l.In[0], times(s.T, s.K))
	w := b.weight("w", b.l.In[1:], s.N, s.K)
	var bias []float32
	if s.Bias != 0 {
		bias = b.f32("b", b.l.In[2+scales], uint64(s.N))
	}
	if !b.ok() {
		return nil
	}
	if s.T == 0 || s.N == 0 {
		return func() {}
	}
	if s.T <= fewRows && s.K > 0 {
		return b.vectors(s, y, x, w, bias)
	}
	p := &product{
		v: b.v, m: int(s.T), n: int(s.N), k: int(s.K),
		a: unsafe.Pointer(unsafe.SliceData(x)), rs: int(s.K), cs: 1, b: columns{w},
		c: address(y, int(s.YOff)), ldc: int(s.YStride), alpha: 1, bias: bias,
	}
	if s.K > 0 && b.pairable(s.Precision) {
		return b.pairProduct(p, w, false)
	}
	return b.product(p)
}

// vectors is linear for a few rows: bound by memory, it reads each row of w once from there.
func (b *builder) vectors(s kernel.Linear, y, x []float32, w weight, bias []float32) func() {
	const group = 16 // rows of w that stay in cache from one row of x to the next
	pool := b.p.d.pool
	// Each item begins with rows that nobody fetched in advance: a few items for each worker, but not too many.
	block := min(max(int(s.N)/(8*len(pool.workers))/group, 1), 32) * group
	t, n, stride, off := int(s.T), int(s.N), int(s.YStride), int(s.YOff)
	multiply, before := b.multiplier(s, x, w)
	item := func(i int, _ *worker) {
		for n0 := i * block; n0 < min(n, (i+1)*block); n0 += group {
			n1 := min(n, n0+group)
			for r := range t {
				out := y[r*stride+off+n0 : r*stride+off+n1]
				multiply(out, n0, r)
				if bias != nil {
					for j, v := range bias[n0:n1] {
						out[j] += v
					}
				}
			}
		}
	}
	return func() {
		if before != nil {
			before()
		}
		pool.each((n+block-1)/block, item)
	}
}

// multiplier returns a function that multiplies rows n0 … n0+len(y)−1 of w by row r of x, and what has to run before.
func (b *builder) multiplier(
	s kernel.Linear, x []float32, w weight,
) (multiply func(y []float32, n0, r int), before func()) {
	t, k, d := int(s.T), int(s.K), b.p.d
	if w.dtype == kernel.BF16 && b.pairable(s.Precision) {
		pairs, room := b.v.bf16, (k+1)/2
		b.shared = max(b.shared, t*room)
		row := func(r int) []uint16 { return elements[uint16](address(d.shared, r*room), k) }
		return func(y []float32, n0, r int) { pairs.products(y, w.at(n0, 0), k, row(r)) }, func() {
			for r := range t {
				pairs.narrow(row(r), x[r*k:(r+1)*k])
			}
		}
	}
	if !w.dtype.Quantized() {
		products := b.v.products[w.dtype]
		return func(y []float32, n0, r int) { products(y, w.at(n0, 0), k, x[r*k:(r+1)*k]) }, nil
	}
	c := b.v.codesOf(w.dtype)
	if c.pairs != nil && b.pairable(s.Precision) {
		c = c.pairs
	}
	if c.arrange == nil {
		return func(y []float32, n0, r int) { c.products(y, w.from(n0, 0), x[r*k:(r+1)*k]) }, nil
	}
	room := (k + c.group - 1) / c.group * c.group
	b.shared = max(b.shared, t*room)
	before = func() {
		for r := range t {
			c.arrange(d.shared[r*room:(r+1)*room], x[r*k:(r+1)*k])
		}
	}
	return func(y []float32, n0, r int) { c.products(y, w.from(n0, 0), d.shared[r*room:][:k]) }, before
}

func linearBack(b *builder, s kernel.LinearBack) func() {
	b.want(1, 2+b.scales(1))
	if b.err != nil {
		return nil
	}
	b.inside("dy", uint64(s.N), s.YOff, s.YStride)
	dx := b.f32("dx", b.l.Out[0], times(s.T, s.K))
	dy := b.f32("dy", b.l.In[0], strided(s.T, s.N, s.YStride, s.YOff))
	w := b.weight("w", b.l.In[1:], s.N, s.K)
	if !b.ok() {
		return nil
	}
	if s.T == 0 || s.K == 0 {
		return func() {}
	}
	p := &product{
		v: b.v, m: int(s.T), n: int(s.K), k: int(s.N),
		a: address(dy, int(s.YOff)), rs: int(s.YStride), cs: 1, b: rows{w},
		c: unsafe.Pointer(unsafe.SliceData(dx)), ldc: int(s.K), alpha: 1, acc: s.Acc != 0,
	}
	if s.N > 0 && b.pairable(s.Precision) {
		return b.pairProduct(p, w, true)
	}
	return b.product(p)
}
