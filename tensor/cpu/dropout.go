package cpu

import "github.com/vulora/vulora/tensor/kernel"

const (
	philoxRounds     = 10
	philoxMultiplier = 0xD256D193
	philoxWeyl       = 0x9E3779B9
)

// For assembly: the counters of consecutive blocks, and the numbers of a round with the blocks of one step.
var (
	philoxLanes   = [8]uint64{0, 1, 2, 3, 4, 5, 6, 7}
	philoxNumbers = [4]uint32{philoxMultiplier, philoxWeyl, 8, 4}
)

// philox is the block of Philox 2x32-10 for a counter and a key (Salmon et al., Parallel random numbers: as easy as
// 1, 2, 3, SC 2011).
func philox(c0, c1, key uint32) (uint32, uint32) {
	for range philoxRounds {
		p := uint64(c0) * philoxMultiplier
		c0, c1 = uint32(p>>32)^key^c1, uint32(p)
		key += philoxWeyl
	}
	return c0, c1
}

func dropout(b *builder, s kernel.Dropout) func() {
	b.want(1, 2)
	if b.err != nil {
		return nil
	}
	y, x := b.f32("y", b.l.Out[0], uint64(s.N)), b.f32("x", b.l.In[0], uint64(s.N))
	key := view[uint32](b, "key", b.l.In[1], 3, kernel.I32)
	if !b.ok() {
		return nil
	}
	v := b.v
	return b.eachBlock(s.N, func(i, j int) {
		k := key[0] ^ key[1]*philoxWeyl
		v.dropout(y[i:j], x[i:j], uint32(i/2)+key[2]*s.Pairs, &s, k) // blocks start at an even element
	})
}

func dropoutPlain(y, x []float32, block uint32, s *kernel.Dropout, key uint32) {
	for i := 0; i < len(y); i += 2 {
		a, b := philox(block+uint32(i/2), s.Site, key)
		y[i] = kept(x[i], a, s)
		if i+1 < len(y) {
			y[i+1] = kept(x[i+1], b, s)
		}
	}
}

func kept(x float32, word uint32, s *kernel.Dropout) float32 {
	if word >= s.Drop {
		return x * s.KeepScale
	}
	return 0
}
