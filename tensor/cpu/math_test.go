package cpu

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/vulora/vulora/tensor/kernel"
)

// ulps is the distance of had from want in units of want's last place as a float32.
func ulps(had float32, want float64) float64 {
	if want > math.MaxFloat32 {
		if math.IsInf(float64(had), 1) {
			return 0
		}
		return math.Inf(1)
	}
	next := math.Nextafter32(float32(want), inf(1))
	unit := max(float64(next)-float64(float32(want)), math.SmallestNonzeroFloat32)
	return math.Abs(float64(had)-want) / unit
}

func TestExp(t *testing.T) {
	for _, v := range available() {
		worst, at := 0.0, float32(0)
		x, args := make([]float32, 4096), make([]float32, 4096)
		for lo := -106.0; lo < 90; lo += 0.5 {
			for i := range x {
				args[i] = float32(lo + 0.5*float64(i)/float64(len(x)))
			}
			copy(x, args)
			v.expSum(x, 0)
			for i, y := range x {
				want := math.Exp(float64(args[i]))
				if want < 0x1p-126 && y == 0 || args[i] > 88.72 {
					continue
				}
				if u := ulps(y, want); u > worst {
					worst, at = u, args[i]
				}
			}
		}
		if worst > 2 {
			t.Errorf("%s: want at most 2 ulp, had %.2f at %v", v.name, worst, at)
		}
		nan := float32(math.NaN())
		special := []float32{inf(-1), -200, 0, 89, inf(1), nan, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
		v.expSum(special, 0)
		for i, want := range []float32{0, 0, 1, inf(1), inf(1)} {
			if special[i] != want {
				t.Errorf("%s: special value %d: want %v, had %v", v.name, i, want, special[i])
			}
		}
		if special[5] == special[5] {
			t.Errorf("%s: want NaN, had %v", v.name, special[5])
		}
	}
}

// Known answers from kat_vectors of Random123, the library of the generator's authors.
func TestPhilox(t *testing.T) {
	for _, c := range [][5]uint32{
		{0, 0, 0, 0xff1dae59, 0x6cd10df2},
		{0xffffffff, 0xffffffff, 0xffffffff, 0x2c3f628b, 0xab4fd7ad},
		{0x243f6a88, 0x85a308d3, 0x13198a2e, 0xdd7ce038, 0xf62a4c12},
	} {
		if a, b := philox(c[0], c[1], c[2]); a != c[3] || b != c[4] {
			t.Errorf("%08x: want %08x %08x, had %08x %08x", c[:3], c[3], c[4], a, b)
		}
	}
}

// The share of dropped elements is p, and the masks of two steps, two seeds and two sites are independent.
func TestDropoutStatistics(t *testing.T) {
	const n, p = 1 << 16, 0.1
	mask := func(seed, step int, site uint32) (m [n]bool) {
		one := make([]float64, n)
		for i := range one {
			one[i] = 1
		}
		c := trial{sizes: kernel.Dropout{N: n, Site: site, Drop: uint32(math.Floor(p * (1 << 32))), KeepScale: 1 / (1 - p)},
			out: []operand{blank(n)}, in: []operand{f32s(one...), i32s(seed, step, 0)}}
		out, _ := c.execute(t, Options{})
		for i := range m {
			m[i] = binary.LittleEndian.Uint32(out[0].data[4*i:]) == 0
		}
		return m
	}
	base := mask(1, 1, 0)
	for _, m := range [][n]bool{mask(1, 2, 0), mask(2, 1, 0), mask(1, 1, 1), mask(2, 2, 0)} {
		dropped, both := 0, 0
		for i := range m {
			if m[i] {
				dropped++
				if base[i] {
					both++
				}
			}
		}
		// Five standard deviations of binomial counts.
		if d := math.Abs(float64(dropped) - n*p); d > 5*math.Sqrt(n*p*(1-p)) {
			t.Errorf("want about %v dropped, had %d", n*p, dropped)
		}
		if d := math.Abs(float64(both) - n*p*p); d > 5*math.Sqrt(n*p*p) {
			t.Errorf("want about %v dropped in both, had %d", n*p*p, both)
		}
	}
}

func TestBF16Bits(t *testing.T) {
	for _, c := range [][2]uint32{
		{0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f818000, 0x3f82}, {0x3f808001, 0x3f81}, {0x7f7fffff, 0x7f80},
		{0x7f800000, 0x7f80}, {0x80000000, 0x8000}, {0x7f800001, 0x7fc0}, {0xffffffff, 0xffff}, {0x00018000, 0x0002},
	} {
		if had := bf16Bits(math.Float32frombits(c[0])); uint32(had) != c[1] {
			t.Errorf("%08x: want %04x, had %04x", c[0], c[1], had)
		}
	}
}

// What torch does with gradients that are too large, infinite or NaN, and the zero clipping threshold's opposite.
func TestGradNormSpecial(t *testing.T) {
	big := make([]float64, 20)
	big[3], big[17] = 1e30, -1e30
	with := func(x float64) operand {
		v := make([]float64, 20)
		v[18] = x
		return f32s(v...)
	}
	nan := math.NaN()
	for _, c := range []struct {
		g    operand
		max  float64
		want [3]float64
	}{
		{f32s(3, 4), 1, [3]float64{5, 1 / (5 + 1e-6), 0}},
		{f32s(3, 4), 10, [3]float64{5, 1, 0}},
		{f32s(3, 4), math.Inf(1), [3]float64{5, 1, 0}},
		{f32s(0, 0), 1, [3]float64{0, 1, 0}},
		{f32s(big...), 1, [3]float64{math.Inf(1), 0, 0}},
		{f32s(big...), math.Inf(1), [3]float64{math.Inf(1), 1, 0}},
		{with(math.Inf(-1)), 1, [3]float64{math.Inf(1), 0, 1}},
		{with(nan), 1, [3]float64{nan, nan, 1}},
	} {
		for _, isa := range ISAs() {
			run := trial{sizes: kernel.GradNorm{N: uint32(c.g.n)}, out: []operand{blank(4)},
				in: []operand{c.g, f32s(0, 0, 0, 0, 0, 0, 0, c.max, 0, 0, 0, 0)}}
			out, _ := run.execute(t, Options{ISA: isa})
			for i, want := range c.want {
				had := float64(math.Float32frombits(binary.LittleEndian.Uint32(out[0].data[4*i:])))
				if had != want && !(math.Abs(had-want) < 1e-6) && !(math.IsNaN(had) && math.IsNaN(want)) {
					t.Errorf("%s: %v, max %v: want stats[%d] = %v, had %v", isa, c.g.values, c.max, i, want, had)
				}
			}
		}
	}
}
