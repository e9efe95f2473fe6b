package cpu

import "github.com/vulora/vulora/tensor/kernel"

func rope(b *builder, s kernel.RoPE) func() {
	b.want(1, 2)
	if b.err != nil {
		return nil
	}
	if s.D == 0 || s.D%2 != 0 {
		b.fail("want an even head size, had %d", s.D)
		return nil
	}
	b.inside("heads", times(s.Heads, s.D), 0, s.Stride)
	x := b.f32("x", b.l.Out[0], strided(s.T, uint32(min(times(s.Heads, s.D), 1<<32-1)), s.Stride, 0))
	pos := b.i32("pos", b.l.In[0], uint64(s.T))
	places := max(b.l.In[1].Bytes, 0) / 4 / int64(s.D)
	table := b.f32("table", b.l.In[1], uint64(places)*uint64(s.D))
	if !b.ok() {
		return nil
	}
	sign := float32(1)
	if s.Inverse != 0 {
		sign = -1
	}
	d, stride, heads, faults, rotate := int(s.D), int(s.Stride), int(s.Heads), &b.p.fault, b.v.rotate
	return b.eachRow(s.T, func(t int, _ *worker) {
		at := pos[t]
		if at < 0 || int64(at) >= places {
			faults.report("want positions below %d, had %d for token %d", places, at, t)
			return
		}
		angles := table[int(at)*d : (int(at)+1)*d]
		for h := range heads {
			lo, hi := x[t*stride+h*d:][:d/2], x[t*stride+h*d+d/2:][:d/2]
			rotate(lo, hi, angles[:d/2], angles[d/2:], sign)
		}
	})
}

// rotatePlain turns the pairs (lo[i], hi[i]) by the angles with the given cosines and sines, sign −1 turning back.
func rotatePlain(lo, hi, cos, sin []float32, sign float32) {
	hi, cos, sin = hi[:len(lo)], cos[:len(lo)], sin[:len(lo)]
	for i := range lo {
		a, b, c, s := lo[i], hi[i], cos[i], sin[i]*sign
		lo[i], hi[i] = a*c-b*s, b*c+a*s
	}
}
