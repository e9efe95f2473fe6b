package cpu

import (
	"unsafe"

	"github.com/vulora/vulora/tensor/kernel"
)

// loops are vector loops in assembly for element counts that are multiples of lanes.
type loops struct {
	lanes     int
	dot       func(n int, a, b *float32) float32
	dot3      func(n int, a, b, c *float32) float32
	largest   func(n int, x *float32) float32
	expSum    func(n int, x *float32, shift float32) float32
	scale     func(n int, x *float32, k float32)
	sum       func(n int, y, a, b *float32)
	mulScale  func(n int, y, x, w *float32, k float32)
	normBack  func(n int, dx, dy, x, w *float32, r, c float32)
	score     func(n int, dp, p *float32, delta, k float32)
	swiglu    func(n int, y, a, b *float32)
	swigluBk  func(n int, da, db, dy, a, b *float32)
	adamw     func(n int, p, m, v, g *float32, s *adamStep)
	rotate    func(n int, lo, hi, cos, sin *float32, sign float32)
	dropout   func(n int, y, x *float32, block, site, key, drop uint32, keep float32)
	widenF16  func(n int, dst *float32, src unsafe.Pointer)
	widenBF16 func(n int, dst *float32, src unsafe.Pointer)
}

// whole is the part of n that assembly does; plain Go does the rest.
func (l *loops) whole(n int) int { return n / l.lanes * l.lanes }

// table fills in the vector loops of v.
func (l *loops) table(v isa) *isa {
	v.dot = func(a, b []float32) float32 {
		n := l.whole(len(a))
		s := dotPlain(a[n:], b[n:])
		if n > 0 {
			s += l.dot(n, &a[0], &b[0])
		}
		return s
	}
	v.dot3 = func(a, b, c []float32) float32 {
		n := l.whole(len(a))
		s := dot3Plain(a[n:], b[n:], c[n:])
		if n > 0 {
			s += l.dot3(n, &a[0], &b[0], &c[0])
		}
		return s
	}
	v.largest = func(x []float32) float32 {
		n := l.whole(len(x))
		m := largestPlain(x[n:])
		if n > 0 {
			m = max(m, l.largest(n, &x[0]))
		}
		return m
	}
	v.expSum = func(x []float32, shift float32) float32 {
		n := l.whole(len(x))
		s := expSumPlain(x[n:], shift)
		if n > 0 {
			s += l.expSum(n, &x[0], shift)
		}
		return s
	}
	v.scale = func(x []float32, k float32) {
		n := l.whole(len(x))
		if n > 0 {
			l.scale(n, &x[0], k)
		}
		scalePlain(x[n:], k)
	}
	v.sum = func(y, a, b []float32) {
		n := l.whole(len(y))
		if n > 0 {
			l.sum(n, &y[0], &a[0], &b[0])
		}
		sumPlain(y[n:], a[n:], b[n:])
	}
	l.norms(&v)
	l.activations(&v)
	v.adamw = func(p, m, u, g []float32, s *adamStep) {
		n := l.whole(len(p))
		if n > 0 {
			l.adamw(n, &p[0], &m[0], &u[0], &g[0], s)
		}
		adamwPlain(p[n:], m[n:], u[n:], g[n:], s)
	}
	v.rotate = func(lo, hi, cos, sin []float32, sign float32) {
		n := l.whole(len(lo))
		if n > 0 {
			l.rotate(n, &lo[0], &hi[0], &cos[0], &sin[0], sign)
		}
		rotatePlain(lo[n:], hi[n:], cos[n:], sin[n:], sign)
	}
	v.dropout = func(y, x []float32, block uint32, s *kernel.Dropout, key uint32) {
		n := l.whole(len(y))
		if n > 0 {
			l.dropout(n, &y[0], &x[0], block, s.Site, key, s.Drop, s.KeepScale)
		}
		dropoutPlain(y[n:], x[n:], block+uint32(n/2), s, key)
	}
	v.widen = [...]widenFunc{
		func(dst []float32, src unsafe.Pointer) { copy(dst, elements[float32](src, len(dst))) },
		widen(l, l.widenF16, f16Value), widen(l, l.widenBF16, bf16Value),
	}
	return &v
}

func (l *loops) norms(v *isa) {
	v.mulScale = func(y, x, w []float32, k float32) {
		n := l.whole(len(y))
		if n > 0 {
			l.mulScale(n, &y[0], &x[0], &w[0], k)
		}
		mulScalePlain(y[n:], x[n:], w[n:], k)
	}
	v.normBack = func(dx, dy, x, w []float32, r, c float32) {
		n := l.whole(len(dx))
		if n > 0 {
			l.normBack(n, &dx[0], &dy[0], &x[0], &w[0], r, c)
		}
		normBackPlain(dx[n:], dy[n:], x[n:], w[n:], r, c)
	}
}

func (l *loops) activations(v *isa) {
	v.score = func(dp, p []float32, delta, k float32) {
		n := l.whole(len(dp))
		if n > 0 {
			l.score(n, &dp[0], &p[0], delta, k)
		}
		scorePlain(dp[n:], p[n:], delta, k)
	}
	v.swiglu = func(y, a, b []float32) {
		n := l.whole(len(y))
		if n > 0 {
			l.swiglu(n, &y[0], &a[0], &b[0])
		}
		swigluPlain(y[n:], a[n:], b[n:])
	}
	v.swigluBk = func(da, db, dy, a, b []float32) {
		n := l.whole(len(dy))
		if n > 0 {
			l.swigluBk(n, &da[0], &db[0], &dy[0], &a[0], &b[0])
		}
		swigluBackPlain(da[n:], db[n:], dy[n:], a[n:], b[n:])
	}
}

func widen(l *loops, asm func(n int, dst *float32, src unsafe.Pointer), value func(uint16) float32) widenFunc {
	rest := widenPlain(value)
	return func(dst []float32, src unsafe.Pointer) {
		n := l.whole(len(dst))
		if n > 0 {
			asm(n, &dst[0], src)
		}
		if n < len(dst) {
			rest(dst[n:], unsafe.Add(src, 2*n))
		}
	}
}
