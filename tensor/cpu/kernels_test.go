package cpu

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/vulora/vulora/tensor/kernel"
)

var weightTypes = []kernel.DType{kernel.F32, kernel.F16, kernel.BF16}

// sumError bounds the error of a float32 sum of k products of numbers below 1: each of the k roundings is at most
// half an epsilon of a partial sum of about √k/3, and they add up like a random walk; times 4 for the tail.
func sumError(k uint32) float64 {
	return 4 * 0x1p-24 * max(1, math.Sqrt(float64(k))/3) * max(1, math.Sqrt(float64(k)))
}

// Sizes lie around the tiles (4, 6, 12 rows; 16, 32 columns), the blocks (128, 256, 448) and the few rows of
// decoding; 1500 rows have spans of one or two blocks.
func TestLinear(t *testing.T) {
	r := newRand(1)
	for _, c := range []struct{ T, N, K uint32 }{
		{1, 1, 1}, {1, 70, 33}, {2, 16, 100}, {3, 129, 17}, {4, 31, 65}, {5, 33, 7}, {6, 16, 449}, {7, 15, 16},
		{11, 32, 31}, {12, 64, 448}, {13, 65, 447}, {25, 300, 40}, {29, 17, 513}, {48, 97, 256}, {50, 2, 257},
		{1, 40, 900}, {9, 31, 897}, {200, 33, 50}, {1500, 3, 1000},
	} {
		for i, dt := range weightTypes {
			s := kernel.Linear{T: c.T, N: c.N, K: c.K, YStride: c.N + 5*uint32(i),
				YOff: 3 * uint32(min(i, 1)), Bias: uint32(i % 2)}
			in := []operand{random(r, int(c.T*c.K)), random(r, int(c.N*c.K)).as(dt), random(r, int(c.N))}
			trial := trial{sizes: s, out: []operand{blank(int(c.T * s.YStride))}, in: in[:2+s.Bias],
				tol: []float64{sumError(c.K + 1)}}
			trial.check(t)
		}
	}
}

func TestLinearBack(t *testing.T) {
	r := newRand(2)
	for _, c := range []struct{ T, N, K uint32 }{
		{1, 1, 1}, {1, 70, 33}, {3, 129, 17}, {5, 33, 7}, {6, 449, 16}, {11, 32, 31}, {12, 448, 64}, {13, 447, 65},
		{25, 40, 300}, {29, 513, 17}, {50, 257, 2}, {9, 897, 31}, {200, 50, 33}, {1500, 1000, 3},
	} {
		for i, dt := range weightTypes {
			s := kernel.LinearBack{T: c.T, N: c.N, K: c.K, YStride: c.N + 5*uint32(i),
				YOff: 3 * uint32(min(i, 1)), Acc: uint32(i % 2)}
			out := blank(int(c.T * c.K))
			if s.Acc != 0 {
				out = random(r, int(c.T*c.K))
			}
			trial := trial{sizes: s, out: []operand{out},
				in:  []operand{random(r, int(c.T*s.YStride)), random(r, int(c.N*c.K)).as(dt)},
				tol: []float64{sumError(c.N + 1)}}
			trial.check(t)
		}
	}
}

// rounded is o with values that bfloat16 holds exactly, so that products of pairs are as exact as those of float32.
func rounded(o operand) operand {
	for i, x := range o.values {
		o.values[i] = float64(bf16Value(bf16Bits(float32(x))))
	}
	return o
}

// isasWithBF16 are the instruction sets of this processor that have products of bfloat16.
func isasWithBF16(t *testing.T) (names []string) {
	for _, v := range available() {
		if v.bf16 != nil {
			names = append(names, v.name)
		}
	}
	if len(names) == 0 {
		t.Skip("NOT TESTED: this processor has no bfloat16 products")
	}
	return names
}

// Rows lie around the tiles too: 4, 8 and 12 of pairs, 16, 32 and 64 of AMX, whose steps have 16 pairs.
func TestLinearBF16(t *testing.T) {
	pairs := isasWithBF16(t)
	r := newRand(3)
	opts := Options{BF16: BF16Force}
	for _, c := range []struct{ T, N, K uint32 }{{5, 1, 1}, {7, 33, 31}, {12, 64, 896}, {13, 65, 897}, {30, 31, 1025},
		{16, 33, 32}, {17, 32, 64}, {32, 5, 33}, {33, 40, 30}, {49, 64, 95}, {64, 32, 449}, {65, 31, 34}, {97, 33, 62},
		{130, 64, 1}, {1500, 3, 1501}} {
		for _, acc := range []uint32{0, 1} {
			x, w := rounded(random(r, int(c.T*c.K))), random(r, int(c.N*c.K)).as(kernel.BF16)
			s := kernel.Linear{T: c.T, N: c.N, K: c.K, YStride: c.N + 1, YOff: acc, Bias: acc, Precision: kernel.RoundBF16}
			fw := trial{sizes: s,
				out: []operand{blank(int(c.T * s.YStride))}, in: []operand{x, w, random(r, int(c.N))}[:2+acc],
				tol: []float64{sumError(c.K + 1)}, opts: opts}
			b := kernel.LinearBack{T: c.T, N: c.K, K: c.N, YStride: c.K + 1, YOff: acc, Acc: acc, Precision: kernel.RoundBF16}
			out := blank(int(c.T * c.N))
			if acc != 0 {
				out = random(r, out.n)
			}
			bw := trial{sizes: b, out: []operand{out}, opts: opts, tol: []float64{sumError(c.K + 1)},
				in: []operand{rounded(random(r, int(c.T*b.YStride))), w}}
			for _, isa := range pairs {
				fw.checkOn(t, isa)
				bw.checkOn(t, isa)
			}
		}
	}
	// Nine bits of x do not survive, except where the launch asks for exact factors.
	for precision, want := range map[uint32]float64{kernel.RoundBF16: 1, kernel.Exact: 1 + 0x1p-9} {
		x := f32s(1+0x1p-9, 1+0x1p-9, 1+0x1p-9, 1+0x1p-9, 1+0x1p-9)
		c := trial{sizes: kernel.Linear{T: 5, N: 1, K: 1, YStride: 1, Precision: precision}, out: []operand{blank(5)},
			in: []operand{x, f32s(1).as(kernel.BF16)}}
		out, _ := c.execute(t, Options{BF16: BF16Force})
		if had := math.Float32frombits(binary.LittleEndian.Uint32(out[0].data)); float64(had) != want {
			t.Errorf("precision %d: want %v, had %v", precision, want, had)
		}
	}
}

func TestMatMul(t *testing.T) {
	r := newRand(4)
	for i, c := range []struct{ M, N, K uint32 }{
		{1, 1, 1}, {1, 8, 100}, {30, 8, 449},
		{33, 100, 8}, {100, 8, 33}, {8, 100, 65}, {13, 17, 450}, {64, 8, 1}, {5, 33, 12},
		{129, 64, 30}, {64, 129, 30}, {3, 2, 0},
	} {
		for mode := range uint32(8) {
			s := kernel.MatMul{M: c.M, N: c.N, K: c.K, TransA: mode & 1, TransB: mode >> 1 & 1, Acc: mode >> 2,
				AOff: mode % 3, BOff: mode % 2, COff: uint32(i % 3), LDC: c.N + uint32(i%2)*3, Alpha: []float32{1, -0.5}[i%2]}
			ar, br := c.M, c.K
			s.LDA, s.LDB = c.K+2, c.N+1
			if s.TransA != 0 {
				ar, s.LDA = c.K, c.M+3
			}
			if s.TransB != 0 {
				br, s.LDB = c.N, c.K
			}
			out := blank(int(c.M*s.LDC + s.COff))
			if s.Acc != 0 {
				out = random(r, out.n)
			}
			trial := trial{sizes: s, out: []operand{out}, tol: []float64{sumError(c.K + 2)},
				in: []operand{random(r, int(ar*s.LDA+s.AOff)), random(r, int(br*s.LDB+s.BOff))}}
			trial.check(t)
		}
	}
}

func TestNorms(t *testing.T) {
	r := newRand(5)
	for _, c := range []struct{ rows, cols uint32 }{{1, 1}, {3, 15}, {9, 16}, {33, 31}, {8, 64}, {70, 300}, {2, 897}} {
		n, rows, cols := int(c.rows*c.cols), int(c.rows), int(c.cols)
		positive := between(r, rows, 0.5, 2)
		for _, trial := range []trial{
			{sizes: kernel.RMSNorm{Rows: c.rows, Cols: c.cols, Eps: 1e-6}, out: []operand{blank(n), blank(rows)},
				in: []operand{random(r, n), random(r, cols)}, rel: 1e-6},
			{sizes: kernel.AddRMSNorm{Rows: c.rows, Cols: c.cols, Eps: 1e-6}, out: []operand{blank(n), blank(n), blank(rows)},
				in: []operand{random(r, n), random(r, n), random(r, cols)}, rel: 1e-6},
			{sizes: kernel.RMSNormBack{Rows: c.rows, Cols: c.cols}, out: []operand{blank(n)}, rel: 1e-6,
				in: []operand{random(r, n), random(r, n), random(r, cols), positive}, tol: []float64{4e-6}},
			{sizes: kernel.RMSNormBack{Rows: c.rows, Cols: c.cols, Add: 1}, out: []operand{blank(n)}, rel: 1e-6,
				in: []operand{random(r, n), random(r, n), random(r, cols), positive, random(r, n)}, tol: []float64{4e-6}},
			{sizes: kernel.RMSNormBackWeight{Rows: c.rows, Cols: c.cols}, out: []operand{blank(cols)},
				in: []operand{random(r, n), random(r, n), positive}, tol: []float64{2 * sumError(c.rows)}},
		} {
			trial.check(t)
		}
	}
}

func TestRoPE(t *testing.T) {
	r := newRand(6)
	for _, c := range []struct{ t, heads, d, extra uint32 }{{1, 1, 2, 0}, {9, 3, 16, 5}, {4, 2, 64, 64}, {3, 1, 34, 1}} {
		for inverse := range uint32(2) {
			s := kernel.RoPE{T: c.t, Heads: c.heads, D: c.d, Stride: c.heads*c.d + c.extra, Inverse: inverse}
			pos := make([]int, c.t)
			for i := range pos {
				pos[i] = r.IntN(7)
			}
			trial := trial{sizes: s, out: []operand{random(r, int(c.t*s.Stride))},
				in: []operand{i32s(pos...), random(r, int(7*c.d))}}
			trial.check(t)
		}
	}
}

func TestRows(t *testing.T) {
	r := newRand(9)
	for _, dt := range weightTypes {
		for _, c := range []uint32{1, 17, 64, 100} {
			s := kernel.GatherRows{Rows: 5, Cols: c, Count: 4}
			index := i32s(3, -1, 4, 0, 9)
			tail := kernel.GatherRows{Rows: 5, Cols: c, First: 4, Count: 3, Scaled: 1}
			for _, trial := range []trial{
				{sizes: s, out: []operand{blank(int(5 * c))}, in: []operand{random(r, int(4*c)).as(dt), index}},
				{sizes: tail, out: []operand{blank(int(5 * c))}, in: []operand{random(r, int(3*c)).as(dt), index, f32s(2.5)}},
			} {
				trial.check(t)
			}
		}
	}
	for _, trial := range []trial{
		{sizes: kernel.ScatterRows{Rows: 6, Cols: 19, Count: 3000}, out: []operand{blank(3000 * 19)},
			in: []operand{random(r, 6*19), i32s(5, -1, 3000, 2999, 5, 1024)}},
		{sizes: kernel.CacheWrite{T: 4, Cols: 5, Stride: 9, Off: 2}, out: []operand{random(r, 30)},
			in: []operand{random(r, 36), i32s(5, -1, 0, 3)}},
		{sizes: kernel.SumRows{T: 70, N: 300, Stride: 310, Off: 7}, out: []operand{blank(300)},
			in: []operand{random(r, 70*310)}, tol: []float64{sumError(70)}},
		{sizes: kernel.AddBias{T: 10, N: 19, Stride: 23, Off: 3},
			out: []operand{random(r, 230)}, in: []operand{random(r, 19)}},
		{sizes: kernel.ArgMax{Rows: 3, Cols: 4}, out: []operand{blankAs(kernel.I32, 3)},
			in: []operand{f32s(1, 3, 3, 2, -5, -4, math.NaN(), math.Inf(1), math.Inf(-1), math.Inf(-1), math.Inf(-1), -9)}},
		{sizes: kernel.ArgMax{Rows: 2, Cols: 20000}, out: []operand{blankAs(kernel.I32, 2)},
			in: []operand{at(at(at(random(r, 40000), 7000, 2), 9000, 2), 19999, 2)}},
		{sizes: kernel.ArgMax{Rows: 2, Cols: 20000}, out: []operand{blankAs(kernel.I32, 2)},
			in: []operand{at(at(at(random(r, 40000), 10, math.Inf(1)), 9000, math.NaN()), 19000, math.NaN())}},
		{sizes: kernel.ArgMax{Rows: 20, Cols: 1000},
			out: []operand{blankAs(kernel.I32, 20)}, in: []operand{random(r, 20000)}},
	} {
		trial.check(t)
	}
}

// at is o with one value changed.
func at(o operand, i int, v float64) operand {
	o.values[i] = v
	return o
}

func TestElementwise(t *testing.T) {
	r := newRand(10)
	for _, n := range []int{1, 15, 16, 17, 4095, 4096, 4097, 9000} {
		u := uint32(n)
		for _, trial := range []trial{
			{sizes: kernel.Add{N: u}, out: []operand{random(r, n)}, in: []operand{random(r, n)}},
			{sizes: kernel.Scale{N: u, K: 1.7}, out: []operand{random(r, n)}},
			{sizes: kernel.Copy{N: u}, out: []operand{blank(n)}, in: []operand{random(r, n)}},
			{sizes: kernel.Accumulate{N: u}, out: []operand{random(r, n)}, in: []operand{random(r, n), f32s(1)}},
			{sizes: kernel.Accumulate{N: u}, out: []operand{blank(n)}, in: []operand{random(r, n), f32s(0)}},
			{sizes: kernel.Sum{N: u},
				out: []operand{blank(1)}, in: []operand{random(r, n), f32s(0.25)}, tol: []float64{1e-5}},
			{sizes: kernel.Clip{N: u}, out: []operand{random(r, n)}, in: []operand{f32s(9, 0.3, 0, 0)}},
			{sizes: kernel.Dropout{N: u, Site: 3, Drop: 1 << 30, Pairs: 1<<30 - 1, KeepScale: 4.0 / 3}, out: []operand{blank(n)},
				in: []operand{random(r, n), i32s(42, -7, 4)}},
		} {
			trial.check(t)
		}
	}
	for _, f := range []uint32{1, 16, 31, 300} {
		for _, span := range []float64{3, 100} {
			n := int(7 * f)
			back := trial{sizes: kernel.SwiGLUBack{T: 7, F: f}, out: []operand{blank(2 * n)},
				in: []operand{random(r, n), between(r, 2*n, -span, span)}, rel: 2e-6, tol: []float64{1e-6 * span}}
			back.check(t)
			forward := trial{sizes: kernel.SwiGLU{T: 7, F: f}, out: []operand{blank(n)},
				in: []operand{between(r, 2*n, -span, span)}, rel: 1e-6}
			forward.check(t)
		}
	}
}

func TestCrossEntropy(t *testing.T) {
	r := newRand(11)
	for _, c := range []int{1, 2, 16, 33, 1000, 5003} {
		labels := i32s(0, c-1, -100, c/2)
		trial := trial{sizes: kernel.CrossEntropy{Rows: 4, Cols: uint32(c)},
			out: []operand{between(r, 4*c, -20, 20), blank(4)},
			in:  []operand{labels, f32s(0.125)}, tol: []float64{1e-7, 4e-6}, rel: 4e-6}
		trial.check(t)
	}
}

func TestOptimizer(t *testing.T) {
	r := newRand(12)
	hyper := f32s(1e-3, 0.9, 0.999, 1e-8, 0.01, 0.271, 0.0547, 1, 0.1, 0.001, 0, 1)
	for _, n := range []int{1, 16, 33, 5000} {
		for _, decay := range []int{0, n / 2, n} {
			step := trial{sizes: kernel.AdamW{N: uint32(n), Decay: uint32(decay)}, rel: 1e-6,
				out: []operand{random(r, n), random(r, n), between(r, n, 0, 1)}, in: []operand{random(r, n), hyper},
				tol: []float64{1e-6, 1e-7, 1e-7}}
			step.check(t)
		}
		norm := trial{sizes: kernel.GradNorm{N: uint32(n)},
			out: []operand{blank(4)}, in: []operand{random(r, n), hyper}, rel: 1e-6}
		norm.check(t)
	}
}
