package cpu

import "github.com/vulora/vulora/tensor/kernel"

func noise(b *builder, s kernel.Noise) func() {
	b.want(1, 2)
	if b.err != nil {
		return nil
	}
	n := times(s.Rows, s.Cols)
	x := b.f32("x", b.l.Out[0], n)
	key := view[uint32](b, "key", b.l.In[0], 3, kernel.I32)
	amplitude := b.f32("amplitude", b.l.In[1], uint64(s.Rows))
	if n > 1<<32-1 {
		b.fail("want at most 2^32-1 elements, had %d", n)
	}
	if !b.ok() {
		return nil
	}
	cols := int(s.Cols)
	return b.eachBlock(uint32(n), func(first, end int) {
		k, before := key[0]^key[1]*philoxWeyl, key[2]*((s.Cols+1)/2)
		for i := first; i < end; i += 2 { // blocks start at an even element
			u, v := philox(uint32(i/2)+before, s.Site, k)
			x[i] += amplitude[i/cols] * uniform(u)
			if i+1 < end {
				x[i+1] += amplitude[(i+1)/cols] * uniform(v)
			}
		}
	})
}

// uniform is a number in [-1, 1) of the upper 24 bits of a random word: each of its values is a float32.
func uniform(word uint32) float32 { return float32(word>>8)*(1.0/(1<<23)) - 1 }
