package cpu

import "github.com/vulora/vulora/tensor/kernel"

func swiGLU(b *builder, s kernel.SwiGLU) func() {
	b.want(1, 1)
	if b.err != nil {
		return nil
	}
	y, x := b.f32("y", b.l.Out[0], times(s.T, s.F)), b.f32("x", b.l.In[0], times(s.T, s.F, 2))
	if !b.ok() {
		return nil
	}
	v, f := b.v, int(s.F)
	return b.eachRow(s.T, func(t int, _ *worker) {
		row := x[2*t*f : 2*(t+1)*f]
		v.swiglu(y[t*f:(t+1)*f], row[:f], row[f:])
	})
}

func swiGLUBack(b *builder, s kernel.SwiGLUBack) func() {
	b.want(1, 2)
	if b.err != nil {
		return nil
	}
	dx := b.f32("dx", b.l.Out[0], times(s.T, s.F, 2))
	dy, x := b.f32("dy", b.l.In[0], times(s.T, s.F)), b.f32("x", b.l.In[1], times(s.T, s.F, 2))
	if !b.ok() {
		return nil
	}
	v, f := b.v, int(s.F)
	return b.eachRow(s.T, func(t int, _ *worker) {
		row, out := x[2*t*f:2*(t+1)*f], dx[2*t*f:2*(t+1)*f]
		v.swigluBk(out[:f], out[f:], dy[t*f:(t+1)*f], row[:f], row[f:])
	})
}
