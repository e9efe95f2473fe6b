package cpu

import (
	"math"
	"unsafe"

	"github.com/vulora/vulora/tensor/kernel"
	"github.com/x448/float16"
)

// plain is the instruction set of Go itself. Every function of the other tables has to agree with it.
var plain = &isa{
	name: "go", title: "plain Go",
	mr: 4, nr: 16, kc: 256, nc: 128,
	tile:     tilePlain,
	packCols: [...]packFunc{packColsPlain(f32Value), packColsPlain(f16Value), packColsPlain(bf16Value)},
	packRows: [...]packFunc{packRowsPlain(f32Value), packRowsPlain(f16Value), packRowsPlain(bf16Value)},
	products: [...]productsFunc{productsPlain(f32Value), productsPlain(f16Value), productsPlain(bf16Value)},
	widen:    [...]widenFunc{widenPlain(f32Value), widenPlain(f16Value), widenPlain(bf16Value)},
	codes: [...]codes{
		plainCodes(code4(&kernel.NF4Values), kernel.BlockSize), plainCodes(code4(&kernel.FP4Values), kernel.BlockSize),
		plainCodes(code8, wholeRow),
	},
	dot:      dotPlain,
	dot3:     dot3Plain,
	largest:  largestPlain,
	expSum:   expSumPlain,
	scale:    scalePlain,
	sum:      sumPlain,
	mulScale: mulScalePlain,
	normBack: normBackPlain,
	score:    scorePlain,
	swiglu:   swigluPlain,
	swigluBk: swigluBackPlain,
	adamw:    adamwPlain,
	rotate:   rotatePlain,
	dropout:  dropoutPlain,
}

func f32Value(x float32) float32 { return x }
func f16Value(x uint16) float32  { return float16.Frombits(x).Float32() }
func bf16Value(x uint16) float32 { return math.Float32frombits(uint32(x) << 16) }

// bf16Bits rounds to the nearest bfloat16, ties to even; NaN stays NaN.
func bf16Bits(x float32) uint16 {
	u := math.Float32bits(x)
	if x != x {
		return uint16(u>>16) | 0x40
	}
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}

// elements is the n elements of type E from p on.
func elements[E any](p unsafe.Pointer, n int) []E { return unsafe.Slice((*E)(p), n) }

func tilePlain(rows, k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool) {
	const nr = 16
	b := elements[float32](panel, k*nr)
	for i := range rows {
		x := elements[float32](unsafe.Add(a, i*rs*4), max(0, (k-1)*cs+1)*min(k, 1))
		y := elements[float32](unsafe.Add(c, i*ldc*4), nr)
		for j := 0; j < nr; j += 8 {
			var s0, s1, s2, s3, s4, s5, s6, s7 float32
			for q, at := 0, 0; q < k; q, at = q+1, at+cs {
				w, f := b[q*nr+j:][:8:8], x[at]
				s0 += f * w[0]
				s1 += f * w[1]
				s2 += f * w[2]
				s3 += f * w[3]
				s4 += f * w[4]
				s5 += f * w[5]
				s6 += f * w[6]
				s7 += f * w[7]
			}
			d := y[j:][:8:8]
			for e, s := range [8]float32{s0, s1, s2, s3, s4, s5, s6, s7} {
				if acc {
					d[e] += alpha * s
				} else {
					d[e] = alpha * s
				}
			}
		}
	}
}

func packColsPlain[E any](value func(E) float32) packFunc {
	return func(panel, src unsafe.Pointer, ld, k, n int) {
		const nr = 16
		var e E
		p := elements[float32](panel, k*nr)
		clear(p)
		for j := range n {
			for i, x := range elements[E](unsafe.Add(src, j*ld*int(unsafe.Sizeof(e))), k) {
				p[i*nr+j] = value(x)
			}
		}
	}
}

func packRowsPlain[E any](value func(E) float32) packFunc {
	return func(panel, src unsafe.Pointer, ld, k, n int) {
		const nr = 16
		var e E
		p := elements[float32](panel, k*nr)
		clear(p)
		for i := range k {
			for j, x := range elements[E](unsafe.Add(src, i*ld*int(unsafe.Sizeof(e))), n) {
				p[i*nr+j] = value(x)
			}
		}
	}
}

func productsPlain[E any](value func(E) float32) productsFunc {
	return func(y []float32, w unsafe.Pointer, ld int, x []float32) {
		var e E
		for i := range y {
			row := elements[E](unsafe.Add(w, i*ld*int(unsafe.Sizeof(e))), len(x))
			var s [4]float32
			for k, f := range x {
				s[k&3] += f * value(row[k])
			}
			y[i] = s[0] + s[1] + (s[2] + s[3])
		}
	}
}

func widenPlain[E any](value func(E) float32) widenFunc {
	return func(dst []float32, src unsafe.Pointer) {
		for i, x := range elements[E](src, len(dst)) {
			dst[i] = value(x)
		}
	}
}

func dotPlain(a, b []float32) float32 {
	var s [8]float32
	b = b[:len(a)]
	i := 0
	for ; i+8 <= len(a); i += 8 {
		x, y := a[i:][:8:8], b[i:][:8:8]
		for e := range s {
			s[e] += x[e] * y[e]
		}
	}
	for ; i < len(a); i++ {
		s[i&7] += a[i] * b[i]
	}
	return (s[0] + s[4]) + (s[1] + s[5]) + ((s[2] + s[6]) + (s[3] + s[7]))
}

func dot3Plain(a, b, c []float32) float32 {
	var s [8]float32
	for i := range a {
		s[i&7] += a[i] * b[i] * c[i]
	}
	return (s[0] + s[4]) + (s[1] + s[5]) + ((s[2] + s[6]) + (s[3] + s[7]))
}

func largestPlain(x []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return m
}

func expSumPlain(x []float32, shift float32) float32 {
	var s [8]float32
	for i, v := range x {
		e := exp(v - shift)
		x[i] = e
		s[i&7] += e
	}
	return (s[0] + s[4]) + (s[1] + s[5]) + ((s[2] + s[6]) + (s[3] + s[7]))
}

func scalePlain(x []float32, k float32) {
	for i := range x {
		x[i] *= k
	}
}

func sumPlain(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i := range y {
		y[i] = a[i] + b[i]
	}
}

func mulScalePlain(y, x, w []float32, k float32) {
	x, w = x[:len(y)], w[:len(y)]
	for i := range y {
		y[i] = x[i] * k * w[i]
	}
}

func normBackPlain(dx, dy, x, w []float32, r, c float32) {
	dy, x, w = dy[:len(dx)], x[:len(dx)], w[:len(dx)]
	for i := range dx {
		dx[i] = r*(dy[i]*w[i]) - c*x[i]
	}
}

func scorePlain(dp, p []float32, delta, k float32) {
	p = p[:len(dp)]
	for i := range dp {
		dp[i] = p[i] * (dp[i] - delta) * k
	}
}

func swigluPlain(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i := range y {
		y[i] = a[i] / (1 + exp(-a[i])) * b[i]
	}
}

func swigluBackPlain(da, db, dy, a, b []float32) {
	for i := range da {
		s := 1 / (1 + exp(-a[i]))
		g, v, u := dy[i], a[i], b[i]
		da[i] = g * u * s * (1 + v*(1-s))
		db[i] = g * v * s
	}
}

// An adamStep holds the numbers of one step, all of them the same for every element.
type adamStep struct {
	keep  float32 // 1 − lr·decay
	beta1 float32
	rest1 float32 // 1 − β₁
	beta2 float32
	rest2 float32 // 1 − β₂
	step  float32 // lr / bias1
	root2 float32 // bias2root
	eps   float32
}

func adamwPlain(p, m, v, g []float32, s *adamStep) {
	m, v, g = m[:len(p)], v[:len(p)], g[:len(p)]
	for i := range p {
		m1 := s.beta1*m[i] + s.rest1*g[i]
		v1 := s.beta2*v[i] + s.rest2*g[i]*g[i]
		m[i], v[i] = m1, v1
		root := float32(math.Sqrt(float64(v1)))/s.root2 + s.eps
		p[i] = p[i]*s.keep - s.step*m1/root
	}
}
