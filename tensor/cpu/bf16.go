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
	const k, rows = 256, 192 // rows of 12 and 64 alike
	most := max(v.mr, v.bf16.mr)
	s := aligned(most*k + k*v.nr + most*v.nr)
	a, p, c := address(s, 0), address(s, most*k), address(s, most*k+k*v.nr)
	best := [2]time.Duration{time.Hour, time.Hour}
	for range 20 {
		for i, t := range []struct {
			mr   int
			tile tileFunc
		}{{v.mr, v.tile}, {v.bf16.mr, v.bf16.tile}} {
			start := time.Now()
			for range rows / t.mr {
				t.tile(t.mr, k, a, k, 1, p, c, v.nr, 1, false)
			}
			best[i] = min(best[i], time.Since(start))
		}
	}
	return best[1]*10 < best[0]*2*9
}

// pairs is a source of pairs along the inner dimension, which has k elements. Bfloat16 weights are paired as they are.
// All others become what their values are in bfloat16, the nearest, ties to even: a panel is first packed as float32,
// pairChunk rows at a time, where its pairs and half as much beyond them will lie, and then halved in place.
type pairs struct {
	weight
	k        int
	straight bool // rows are the inner dimension
}

// pairChunk is whole blocks of codes, and with 32 columns fits a quarter of a small first-level cache.
const pairChunk = kernel.BlockSize

func (s pairs) pack(v *isa, panel unsafe.Pointer, k0, k, n0, n int) {
	k0, k = 2*k0, min(2*k, s.k-2*k0)
	switch {
	case s.dtype != kernel.BF16:
		s.round(v, panel, k0, k, n0, n)
	case s.straight:
		v.bf16.packRows(panel, s.at(k0, n0), s.ld, k, n)
	default:
		v.bf16.packCols(panel, s.at(n0, k0), s.ld, k, n)
	}
}

func (s pairs) round(v *isa, panel unsafe.Pointer, k0, k, n0, n int) {
	var wide source = columns{s.weight}
	if s.straight {
		wide = rows{s.weight}
	}
	for i := 0; i < k; i += pairChunk {
		part, m := unsafe.Add(panel, i/2*v.nr*4), min(pairChunk, k-i)
		wide.pack(v, part, k0+i, m, n0, n)
		if m%2 != 0 {
			clear(elements[float32](unsafe.Add(part, m*v.nr*4), v.nr))
		}
		v.bf16.halve((m+1)/2, part)
	}
}

// pairable says whether a product may and should be one of bfloat16 pairs.
func (b *builder) pairable(precision uint32) bool { return precision == kernel.RoundBF16 && b.p.d.bf16 }

// pairProduct turns p, whose right factor is w, into a product of bfloat16 pairs. Each span of the left factor is
// rounded first, into scratch that all workers see: it is used by every block of columns.
func (b *builder) pairProduct(p *product, w weight, straight bool) func() {
	d, pool, narrow := b.p.d, b.p.d.pool, b.v.bf16.narrow
	x, xStride, k := p.a, p.rs, p.k
	half := (k + 1) / 2
	p.b, p.tile, p.mr = pairs{w, k, straight}, b.v.bf16.tile, b.v.bf16.mr
	p.k, p.cs = half, 1
	p.prepare(len(pool.workers))
	p.rs = min(half, p.span)
	b.shared = max(b.shared, p.m*p.rs)
	b.each = max(b.each, p.scratchElements())
	first, n := 0, 0 // of the span, in elements
	round := b.eachRow(uint32(p.m), func(r int, _ *worker) {
		row := elements[uint16](address(d.shared, r*p.rs), n+n%2)
		row[len(row)-1] = 0
		narrow(row[:n], elements[float32](unsafe.Add(x, (r*xStride+first)*4), n))
	})
	ready := func(k0, steps int) unsafe.Pointer {
		first, n = 2*k0, min(2*steps, k-2*k0)
		round()
		return address(d.shared, 0)
	}
	item := p.item
	return func() { p.run(pool, item, ready) }
}
