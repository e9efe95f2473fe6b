package cpu

import (
	"time"
	"unsafe"

	"github.com/vulora/vulora/tensor/kernel"
)

// bf16Faster measures about a millisecond of tiles of each kind and says whether a product of bfloat16 pairs, which
// does the work of two float32 elements, gains at least a tenth. Some processors have the instruction and lose by
// it.
func (v *isa) bf16Faster() bool {
	const k = 256
	s := aligned(v.mr*k + k*v.nr + v.mr*v.nr)
	a, p, c := address(s, 0), address(s, v.mr*k), address(s, v.mr*k+k*v.nr)
	best := [2]time.Duration{time.Hour, time.Hour}
	for range 20 {
		for i, tile := range []tileFunc{v.tile, v.bf16.tile} {
			start := time.Now()
			for range 16 {
				tile(v.mr, k, a, k, 1, p, c, v.nr, 1, false)
			}
			best[i] = min(best[i], time.Since(start))
		}
	}
	return best[1]*10 < best[0]*2*9
}

// pairs is a source of bfloat16 weights as pairs along the inner dimension, which has k elements.
type pairs struct {
	weight
	k        int
	straight bool // rows are the inner dimension
}

func (s pairs) pack(v *isa, panel unsafe.Pointer, k0, k, n0, n int) {
	k0, k = 2*k0, min(2*k, s.k-2*k0)
	if s.straight {
		v.bf16.packRows(panel, s.at(k0, n0), s.ld, k, n)
	} else {
		v.bf16.packCols(panel, s.at(n0, k0), s.ld, k, n)
	}
}

// pairable says whether a product may and should be one of bfloat16 pairs. Codes are always multiplied as float32:
// their values are not bfloat16.
func (b *builder) pairable(precision uint32, w weight) bool {
	return precision == kernel.RoundBF16 && b.p.d.bf16 && w.dtype == kernel.BF16
}

// pairProduct turns p, whose right factor is w, into a product of bfloat16 pairs. The left factor is rounded first,
// into scratch that all workers see: it is used by every block of columns.
func (b *builder) pairProduct(p *product, w weight, straight bool) func() {
	d, pool, narrow := b.p.d, b.p.d.pool, b.v.bf16.narrow
	x, xStride, k := p.a, p.rs, p.k
	half := (k + 1) / 2
	p.b, p.tile = pairs{w, k, straight}, b.v.bf16.tile
	p.k, p.rs, p.cs = half, half, 1
	b.shared = max(b.shared, p.m*half)
	round := b.eachRow(uint32(p.m), func(r int, _ *worker) {
		row := elements[uint16](address(d.shared, r*half), 2*half)
		row[2*half-1] = 0
		narrow(row[:k], elements[float32](unsafe.Add(x, r*xStride*4), k))
	})
	p.prepare(len(pool.workers))
	b.each = max(b.each, p.scratchElements())
	item := p.item
	return func() {
		p.a = address(d.shared, 0)
		round()
		pool.each(p.items(), item)
	}
}
