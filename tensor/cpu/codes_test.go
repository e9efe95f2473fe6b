package cpu

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/vulora/vulora/tensor/kernel"
)

// codeShapes lie around the tiles, blocks and few rows of TestLinear; K is rounded up to whole blocks where codes want
// it. 128 codes are what AVX-512 takes at a time, 448 and 256 the inner length of panels.
var codeShapes = []struct{ T, N, K uint32 }{
	{1, 1, 64}, {1, 3, 128}, {2, 4, 192}, {3, 18, 320}, {4, 70, 448}, {1, 129, 896}, {5, 1, 64}, {5, 2, 64},
	{6, 5, 128}, {7, 15, 192}, {11, 33, 448}, {12, 64, 512}, {13, 65, 960}, {9, 287, 64}, {48, 97, 256}, {200, 34, 64},
}

var codeTypes = []kernel.DType{kernel.NF4, kernel.FP4, kernel.I8}

// odd takes K off the multiples of vectors where codes may have any length.
func odd(dt kernel.DType, k uint32, i int) uint32 {
	if dt != kernel.I8 {
		return k
	}
	return k - uint32(i*13%37)
}

func TestLinearCodes(t *testing.T) {
	r := newRand(21)
	for i, c := range codeShapes {
		for _, dt := range codeTypes {
			k := odd(dt, c.K, i)
			s := kernel.Linear{T: c.T, N: c.N, K: k, YStride: c.N + uint32(i%3)*5, YOff: uint32(i%3) * 3,
				Bias: uint32(i % 2), Precision: uint32(i / 2 % 2)}
			in := append([]operand{random(r, int(c.T*k))}, weights(r, dt, int(c.N), int(k))...)
			if s.Bias != 0 {
				in = append(in, random(r, int(c.N)))
			}
			trial := trial{sizes: s, out: []operand{blank(int(c.T * s.YStride))}, in: in, tol: []float64{sumError(k + 2)},
				opts: Options{BF16: BF16Never}}
			trial.check(t)
		}
	}
}

func TestLinearBackCodes(t *testing.T) {
	r := newRand(22)
	for i, c := range codeShapes {
		for _, dt := range codeTypes {
			// Here n is the inner length.
			n, k := c.K-uint32(i%7), odd(dt, (c.N+63)/64*64, i)
			s := kernel.LinearBack{T: c.T, N: n, K: k, YStride: n + uint32(i%3)*5, YOff: uint32(i%3) * 3, Acc: uint32(i % 2)}
			out := blank(int(c.T * k))
			if s.Acc != 0 {
				out = random(r, out.n)
			}
			trial := trial{sizes: s, out: []operand{out}, tol: []float64{sumError(n + 2)},
				in: append([]operand{random(r, int(c.T*s.YStride))}, weights(r, dt, int(n), int(k))...)}
			trial.check(t)
		}
	}
}

// A product of pairs with any weight has the bits of one with the weight's values in bfloat16. One thread has the
// largest blocks, and the last shape fills one and its scratch.
func TestPairsOfAnyWeight(t *testing.T) {
	if available()[0].bf16 == nil {
		t.Skip("NOT TESTED: this processor has no bfloat16 products")
	}
	r := newRand(25)
	for i, c := range append(codeShapes, struct{ T, N, K uint32 }{2, 257, 960}) {
		for _, dt := range append([]kernel.DType{kernel.F32, kernel.F16}, codeTypes...) {
			k := odd(dt, (c.K+63)/64*64, i)
			w := weights(r, dt, int(c.N), int(k))
			linear := trial{sizes: kernel.Linear{T: c.T + fewRows, N: c.N, K: k, YStride: c.N, Precision: kernel.RoundBF16},
				out: []operand{blank(int((c.T + fewRows) * c.N))}, in: append([]operand{random(r, int((c.T+fewRows)*k))}, w...)}
			linear.samePairs(t)
			back := trial{sizes: kernel.LinearBack{T: c.T, N: c.N, K: k, YStride: c.N, Precision: kernel.RoundBF16},
				out: []operand{blank(int(c.T * k))}, in: append([]operand{random(r, int(c.T*c.N))}, w...)}
			back.samePairs(t)
		}
	}
}

// A few rows times codes of 4 bits, or bfloat16, as its pairs: x is exact in it, the values of codes are rounded, each
// by at most 2⁻⁹ of itself, and the errors of k products below 1/3 on average add up like a random walk, three times
// that for the tail.
func TestFewRowsOfPairs(t *testing.T) {
	if available()[0].bf16 == nil {
		t.Skip("NOT TESTED: this processor has no bfloat16 products")
	}
	r := newRand(26)
	for i, c := range codeShapes {
		for _, dt := range []kernel.DType{kernel.NF4, kernel.FP4, kernel.BF16} {
			rows, k := min(c.T, fewRows), c.K
			if dt == kernel.BF16 {
				if k -= uint32(i * 13 % 37); i == 1 {
					k = 20 // less than a vector
				}
			}
			s := kernel.Linear{T: rows, N: c.N, K: k, YStride: c.N + 3, YOff: uint32(i % 3), Precision: kernel.RoundBF16}
			tol := sumError(k)
			if dt != kernel.BF16 { // which is as exact as x
				tol += 0x1p-9 * math.Sqrt(float64(k))
			}
			trial := trial{sizes: s, out: []operand{blank(int(rows * s.YStride))}, opts: Options{BF16: BF16Force},
				in:  append([]operand{rounded(random(r, int(rows*k)))}, weights(r, dt, int(c.N), int(k))...),
				tol: []float64{tol}}
			trial.checkOn(t, ISAs()[0])
		}
	}
}

// samePairs runs a trial whose inputs are the left factor and a weight, and compares it with that of the weight's
// values in bfloat16.
func (c *trial) samePairs(t *testing.T) {
	t.Helper()
	out, in := c.execute(t, Options{BF16: BF16Force, Threads: 1})
	same := *c
	values := append([]float64{}, in[1].init...)
	if len(in) == 3 {
		for j := range values { // the product of the definition is float32
			scale := in[2].init[j/(len(values)/len(in[2].init))]
			values[j] = float64(float32(values[j]) * float32(scale))
		}
	}
	same.in = []operand{c.in[0], {kernel.BF16, len(values), values}}
	want, _ := same.execute(t, Options{BF16: BF16Force, Threads: 1})
	if string(out[0].data) != string(want[0].data) {
		t.Errorf("%s, %v: want the bits of a bfloat16 weight, had others", c.name(), c.in[1].dtype)
	}
}

// Every code of every table, exactly: the rows of x are unit vectors.
func TestCodesExactly(t *testing.T) {
	const k = 256
	for _, dt := range codeTypes {
		for _, T := range []uint32{4, k} {
			w, scale := operand{dt, 5 * k, make([]float64, 5*k)}, make([]float64, 5*k/kernel.BlockSize)
			for i := range w.values {
				if w.values[i] = float64((i*7 + i/k) % 16); dt == kernel.I8 {
					w.values[i] = float64(i%k%255 - 127)
				}
			}
			for i := range scale {
				scale[i] = float64(i + 1) // of few bits: the products of the definition are exact in float32
			}
			if dt == kernel.I8 {
				scale = scale[:5]
			}
			x := make([]float64, T*k)
			for i := range int(T) {
				x[i*k+i*(k-1)/int(T-1)] = 1
			}
			c := trial{sizes: kernel.Linear{T: T, N: 5, K: k, YStride: 5}, out: []operand{blank(int(T * 5))},
				in: []operand{f32s(x...), w, f32s(scale...)}, tol: []float64{0}, rel: 0x1p-24}
			c.check(t)
		}
	}
}

func TestGatherRowsI8(t *testing.T) {
	r := newRand(23)
	for _, cols := range []int{1, 17, 64, 100} {
		index := i32s(3, -1, 4, 0, 9)
		head := trial{sizes: kernel.GatherRows{Rows: 5, Cols: uint32(cols), Count: 4}, out: []operand{blank(5 * cols)},
			in: append(weights(r, kernel.I8, 4, cols), index)}
		head.check(t)
		tail := trial{sizes: kernel.GatherRows{Rows: 5, Cols: uint32(cols), First: 4, Count: 3, Scaled: 1},
			out: []operand{blank(5 * cols)}, in: append(weights(r, kernel.I8, 3, cols), index, f32s(2.5))}
		tail.check(t)
	}
}

// What launches with codes must hold: whole blocks, enough codes, enough scales, scales at all.
func TestContractCodes(t *testing.T) {
	d := open(t, Options{Threads: 1})
	r := newRand(24)
	f := func(n int) kernel.Range { return put(t, d, random(r, n)) }
	w := func(dt kernel.DType, rows, cols int) kernel.Range { return put(t, d, weights(r, dt, rows, cols)[0]) }
	linear := func(k uint32) kernel.Sizes { return kernel.Linear{T: 1, N: 4, K: k, YStride: 4} }
	back := func(k uint32) kernel.Sizes { return kernel.LinearBack{T: 1, N: 4, K: k, YStride: 4} }
	type ranges = []kernel.Range
	for name, c := range map[string]struct {
		l    kernel.Launch
		want string
	}{
		"part of a block": {kernel.Launch{Sizes: linear(96), Out: ranges{f(4)},
			In: ranges{f(96), w(kernel.NF4, 4, 128), f(8)}}, "multiple of 64"},
		"part of a block back": {kernel.Launch{Sizes: back(96), Out: ranges{f(96)},
			In: ranges{f(4), w(kernel.FP4, 4, 128), f(8)}}, "multiple of 64"},
		"short codes": {kernel.Launch{Sizes: linear(128), Out: ranges{f(4)},
			In: ranges{f(128), w(kernel.NF4, 3, 128), f(8)}}, "512 elements of nf4"},
		"short scales": {kernel.Launch{Sizes: linear(128), Out: ranges{f(4)},
			In: ranges{f(128), w(kernel.NF4, 4, 128), f(7)}}, "scales: want 8"},
		"short scales of bytes": {kernel.Launch{Sizes: back(128), Out: ranges{f(128)},
			In: ranges{f(4), w(kernel.I8, 4, 128), f(3)}}, "scales: want 4"},
		"no scales": {kernel.Launch{Sizes: linear(128), Out: ranges{f(4)},
			In: ranges{f(128), w(kernel.NF4, 4, 128)}}, "3 inputs"},
		"scales of floats": {kernel.Launch{Sizes: linear(64), Out: ranges{f(4)},
			In: ranges{f(64), f(256), f(4)}}, "2 inputs"},
		"table of nibbles": {kernel.Launch{Sizes: kernel.GatherRows{Rows: 1, Cols: 64, Count: 4}, Out: ranges{f(64)},
			In: ranges{w(kernel.NF4, 4, 64), f(4), put(t, d, i32s(0))}}, "had nf4"},
		"overflow": {kernel.Launch{Sizes: kernel.LinearBack{T: 1, N: 1<<32 - 1, K: 1<<32 - 64, YStride: 1<<32 - 1},
			Out: ranges{f(4)}, In: ranges{f(4), w(kernel.NF4, 4, 64), f(4)}}, "want"},
	} {
		_, err := d.Compile([]kernel.Launch{c.l}, kernel.CompileOptions{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want an error with %q, had %v", name, c.want, err)
		}
	}
}

// A run with codes allocates nothing.
func TestCodesAllocate(t *testing.T) {
	d := open(t, Options{Threads: 2})
	r := newRand(25)
	for _, dt := range codeTypes {
		for _, T := range []int{2, 64} {
			in := []kernel.Range{put(t, d, random(r, T*192))}
			for _, o := range weights(r, dt, 70, 192) {
				in = append(in, put(t, d, o))
			}
			s := kernel.Linear{T: uint32(T), N: 70, K: 192, YStride: 70}
			p, err := d.Compile([]kernel.Launch{{Sizes: s, Out: []kernel.Range{put(t, d, blank(T*70))}, In: in}},
				kernel.CompileOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if n := testing.AllocsPerRun(20, func() {
				if err := p.Run(); err != nil {
					t.Fatal(err)
				}
			}); n > 0 {
				t.Errorf("%s: want no allocation in Run, had %v", fmt.Sprint(dt, " T=", T), n)
			}
		}
	}
}
