package gpu

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/vulora/vulora/tensor/kernel"
)

// A testCase is one launch and what its contract says of the results, in float64.
type testCase struct {
	name  string
	sizes kernel.Sizes
	in    []array
	out   []array     // contents before: for kernels in place; else poison
	want  [][]float64 // keep: the element is not written
	tol   float64     // largest error, relative to the largest result of the operand (or 1 if that is less)
}

// array is an operand's contents: codes, of a quantised one. Values of half width must be exact in their type.
type array struct {
	dtype kernel.DType
	v     []float64
}

// eps is half a unit in the last place of float32. Tolerances are eps times the longest chain of dependent roundings; a
// division, square root, exp or log counts as many as Vulkan allows it (2.5 units, 3, 3+2|x|, 3).
const eps = 1.0 / (1 << 24)

var (
	keep   = math.NaN()
	poison = math.NaN()
)

// dice draws test data; values are multiples of 1/16 in [−2, 2], exact in every type.
type dice struct{ *rand.Rand }

func newDice(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 1))} }

func (r dice) vec(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(r.IntN(65)-32) / 16
	}
	return v
}

// weight draws a matrix: its operands, which are codes and scales if it is quantised, and its values.
func (r dice) weight(dt kernel.DType, n, k int) (stored []array, w []float64) {
	if !dt.Quantized() {
		w = r.vec(n * k)
		return []array{{dt, w}}, w
	}
	code, value, block := func() int { return r.IntN(255) - 127 }, func(c int) float64 { return float64(c) }, k
	if dt != kernel.I8 {
		table := map[kernel.DType][16]float32{kernel.NF4: kernel.NF4Values, kernel.FP4: kernel.FP4Values}[dt]
		code, block = func() int { return r.IntN(16) }, kernel.BlockSize
		value = func(c int) float64 { return float64(table[c]) }
	}
	codes, scales := make([]float64, n*k), r.positive(n*k/block)
	w = make([]float64, n*k)
	for i := range w {
		c := code()
		codes[i], w[i] = float64(c), value(c)*scales[i/block]
	}
	return []array{{dt, codes}, f32(scales)}, w
}

func (r dice) positive(n int) []float64 {
	v := r.vec(n)
	for i := range v {
		v[i] = math.Abs(v[i]) + 0.25
	}
	return v
}

func fill(n int, x float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = x
	}
	return v
}

func f32(v []float64) array       { return array{kernel.F32, v} }
func i32(v ...float64) array      { return array{kernel.I32, v} }
func blank(n int) array           { return f32(fill(n, poison)) }
func clone(v []float64) []float64 { return append([]float64(nil), v...) }

// cases returns all of them; sizes are off the tiles' edges.
func cases() (all []testCase) {
	all = append(all, linearCases()...)
	all = append(all, matrixCases()...)
	all = append(all, matmulCases()...)
	all = append(all, normCases()...)
	all = append(all, attentionCases()...)
	all = append(all, rowCases()...)
	all = append(all, lossCases()...)
	all = append(all, elementCases()...)
	all = slices.Concat(all, optimCases(), stepCases(), adafactorCases())
	all = append(all, peakCase())
	return append(all, longCases()...)
}

func linearCases() (all []testCase) {
	r := newDice(1)
	for _, dt := range weightTypes {
		for _, size := range [][3]int{{3, 37, 100}, {1, 5, 35}, {19, 37, 36}, {67, 70, 35}} {
			t, n, k := size[0], size[1], size[2]
			if fourBits(dt) {
				k = (k + kernel.BlockSize - 1) / kernel.BlockSize * kernel.BlockSize
			}
			stride, off := n+5, 3
			x, b, dy := r.vec(t*k), r.vec(n), r.vec(t*stride)
			stored, w := r.weight(dt, n, k)
			y, dx := fill(t*stride, keep), make([]float64, t*k)
			for i := range t {
				for j := range n {
					sum := b[j]
					for c := range k {
						sum += x[i*k+c] * w[j*k+c]
						dx[i*k+c] += dy[i*stride+off+j] * w[j*k+c]
					}
					y[i*stride+off+j] = sum
				}
			}
			old := r.vec(t * k)
			more := clone(dx)
			for i := range more {
				more[i] += old[i]
			}
			s := kernel.Linear{T: uint32(t), N: uint32(n), K: uint32(k), YStride: uint32(stride), YOff: uint32(off), Bias: 1}
			sb := kernel.LinearBack{T: s.T, N: s.N, K: s.K, YStride: s.YStride, YOff: s.YOff}
			sa := sb
			sa.Acc = 1
			all = append(all,
				testCase{"linear", s, slices.Concat([]array{f32(x)}, stored, []array{f32(b)}),
					[]array{blank(t * stride)}, [][]float64{y}, float64(k+2) * eps},
				testCase{"linear_back", sb, slices.Concat([]array{f32(dy)}, stored), []array{blank(t * k)},
					[][]float64{dx}, float64(n+1) * eps})
			if dt == kernel.F32 || dt == kernel.NF4 {
				bare := s
				bare.Bias = 0
				y0 := clone(y)
				for i := range y0 {
					if j := i%stride - off; j >= 0 && j < n {
						y0[i] -= b[j]
					}
				}
				all = append(all,
					testCase{"linear without bias", bare, slices.Concat([]array{f32(x)}, stored),
						[]array{blank(t * stride)}, [][]float64{y0}, float64(k+1) * eps},
					testCase{"linear_back added", sa, slices.Concat([]array{f32(dy)}, stored),
						[]array{f32(old)}, [][]float64{more}, float64(n+2) * eps})
			}
		}
	}
	return all
}

func matmulCases() (all []testCase) {
	r := newDice(2)
	for i, d := range [][3]int{{13, 11, 70}, {5, 17, 9}} {
		m, n, k := d[0], d[1], d[2]
		for flags := range 8 {
			ta, tb, acc := flags&1, flags>>1&1, flags>>2
			ar, ac := flip(uint32(ta), uint32(m), uint32(k))
			br, bc := flip(uint32(tb), uint32(k), uint32(n))
			lda, ldb, ldc := int(ac)+i, int(bc)+2*i, n+3*i
			ao, bo, co := 2*i, 3*i, i
			a, b, c := r.vec(ao+int(ar)*lda), r.vec(bo+int(br)*ldb), r.vec(co+m*ldc)
			want := fill(len(c), keep)
			for mi := range m {
				for ni := range n {
					sum := 0.0
					for ki := range k {
						at, bt := ao+mi*lda+ki, bo+ki*ldb+ni
						if ta != 0 {
							at = ao + ki*lda + mi
						}
						if tb != 0 {
							bt = bo + ni*ldb + ki
						}
						sum += a[at] * b[bt]
					}
					want[co+mi*ldc+ni] = 0.5*sum + float64(acc)*c[co+mi*ldc+ni]
				}
			}
			out := f32(c)
			if acc == 0 {
				out = blank(len(c))
			}
			u := func(x int) uint32 { return uint32(x) }
			s := kernel.MatMul{M: u(m), N: u(n), K: u(k), TransA: u(ta), TransB: u(tb), LDA: u(lda), LDB: u(ldb), LDC: u(ldc),
				AOff: u(ao), BOff: u(bo), COff: u(co), Acc: u(acc), Alpha: 0.5}
			all = append(all, testCase{"matmul", s, []array{f32(a), f32(b)}, []array{out},
				[][]float64{want}, float64(k+2) * eps})
		}
	}
	return all
}

func normCases() []testCase {
	r := newDice(3)
	const rows, cols, e = 11, 37, 1e-6
	x, d, w, dy, dh := r.vec(rows*cols), r.vec(rows*cols), r.vec(cols), r.vec(rows*cols), r.vec(rows*cols)
	norm := func(x []float64) (y, s []float64) {
		y, s = make([]float64, len(x)), make([]float64, rows)
		for i := range rows {
			sum := 0.0
			for c := range cols {
				sum += x[i*cols+c] * x[i*cols+c]
			}
			s[i] = 1 / math.Sqrt(sum/cols+e)
			for c := range cols {
				y[i*cols+c] = x[i*cols+c] * s[i] * w[c]
			}
		}
		return y, s
	}
	y, s := norm(x)
	h := clone(x)
	for i := range h {
		h[i] += d[i]
	}
	hy, hs := norm(h)
	dx, dxh, dw := make([]float64, len(x)), make([]float64, len(x)), make([]float64, cols)
	for i := range rows {
		mean := 0.0
		for c := range cols {
			mean += x[i*cols+c] * dy[i*cols+c] * w[c] / cols
		}
		for c := range cols {
			at := i*cols + c
			dx[at] = s[i]*dy[at]*w[c] - x[at]*s[i]*s[i]*s[i]*mean
			dxh[at] = dx[at] + dh[at]
			dw[c] += dy[at] * x[at] * s[i]
		}
	}
	n := rows * cols
	const tol = (cols + 12) * eps
	return []testCase{
		{"rmsnorm", kernel.RMSNorm{Rows: rows, Cols: cols, Eps: e}, []array{f32(x), f32(w)},
			[]array{blank(n), blank(rows)}, [][]float64{y, s}, tol},
		{"add_rmsnorm", kernel.AddRMSNorm{Rows: rows, Cols: cols, Eps: e}, []array{f32(x), f32(d), f32(w)},
			[]array{blank(n), blank(n), blank(rows)}, [][]float64{h, hy, hs}, tol},
		{"rmsnorm_back", kernel.RMSNormBack{Rows: rows, Cols: cols}, []array{f32(dy), f32(x), f32(w), f32(s)},
			[]array{blank(n)}, [][]float64{dx}, tol},
		{"rmsnorm_back added", kernel.RMSNormBack{Rows: rows, Cols: cols, Add: 1},
			[]array{f32(dy), f32(x), f32(w), f32(s), f32(dh)}, []array{blank(n)}, [][]float64{dxh}, tol},
		{"rmsnorm_back_weight", kernel.RMSNormBackWeight{Rows: rows, Cols: cols}, []array{f32(dy), f32(x), f32(s)},
			[]array{blank(cols)}, [][]float64{dw}, tol},
	}
}

func lossCases() []testCase {
	r := newDice(4)
	const rows, cols = 9, 141
	z := r.vec(rows * cols)
	for i := range z {
		z[i] *= 4
	}
	label := []float64{0, 140, -1, 7, 8, 9, 100, -5, 3}
	dz, loss := make([]float64, len(z)), make([]float64, rows)
	for i, l := range label {
		if l < 0 {
			continue
		}
		sum := 0.0
		for c := range cols {
			sum += math.Exp(z[i*cols+c])
		}
		for c := range cols {
			dz[i*cols+c] = 0.25 * math.Exp(z[i*cols+c]) / sum
		}
		dz[i*cols+int(l)] -= 0.25
		loss[i] = math.Log(sum) - z[i*cols+int(l)]
	}
	const n, t, stride, off = 1031, 700, 9, 2
	x := r.vec(n)
	total := 0.0
	for _, v := range x {
		total += v / 8
	}
	m := r.vec(t * stride)
	sums := make([]float64, 5)
	for i := range t {
		for c := range sums {
			sums[c] += m[i*stride+off+c]
		}
	}
	return []testCase{
		// A score and the largest may be 16 apart: exp is good for 3+2·16 units.
		{"cross_entropy", kernel.CrossEntropy{Rows: rows, Cols: cols}, []array{i32(label...), f32([]float64{0.25})},
			[]array{f32(z), blank(rows)}, [][]float64{dz, loss}, (cols + 2*35) * eps},
		{"sum", kernel.Sum{N: n}, []array{f32(x), f32([]float64{0.125})}, []array{blank(1)}, [][]float64{{total}}, 300 * eps},
		{"sum_rows", kernel.SumRows{T: t, N: 5, Stride: stride, Off: off}, []array{f32(m)}, []array{blank(5)},
			[][]float64{sums}, 300 * eps},
	}
}

func elementCases() []testCase {
	r := newDice(5)
	const n, t, cols, stride, off = 77, 7, 5, 9, 3
	a, b := r.vec(n), r.vec(n)
	sum, tripled := clone(a), clone(a)
	for i := range sum {
		sum[i] += b[i]
		tripled[i] *= 3
	}
	x, bias := r.vec(t*stride), r.vec(cols)
	biased := fill(len(x), keep)
	for i := range t {
		for c := range cols {
			biased[i*stride+off+c] = x[i*stride+off+c] + bias[c]
		}
	}
	whole := []float64{1, -2, 3, math.MaxInt32, math.MinInt32, 0}
	drop := uint32(3 << 32 / 10)
	dropped := make([]float64, n)
	for i := range dropped {
		if word := philox(uint32(i/2+9*5), 3, 42^(7*0x9E3779B9&math.MaxUint32))[i%2]; word >= drop {
			dropped[i] = a[i] * 2
		}
	}
	return []testCase{
		{"add", kernel.Add{N: n}, []array{f32(b)}, []array{f32(a)}, [][]float64{sum}, eps},
		{"add_bias", kernel.AddBias{T: t, N: cols, Stride: stride, Off: off}, []array{f32(bias)}, []array{f32(x)},
			[][]float64{biased}, eps},
		{"scale", kernel.Scale{N: n, K: 3}, nil, []array{f32(a)}, [][]float64{tripled}, eps},
		{"copy", kernel.Copy{N: n}, []array{f32(a)}, []array{blank(n)}, [][]float64{a}, 0},
		{"copy of whole numbers", kernel.Copy{N: 6}, []array{i32(whole...)}, []array{i32(make([]float64, 6)...)},
			[][]float64{whole}, 0},
		{"accumulate", kernel.Accumulate{N: n}, []array{f32(b), f32([]float64{1})}, []array{f32(a)}, [][]float64{sum}, eps},
		{"accumulate afresh", kernel.Accumulate{N: n}, []array{f32(b), f32([]float64{0})}, []array{blank(n)}, [][]float64{b},
			0},
		{"dropout", kernel.Dropout{N: n, Site: 3, Drop: drop, Pairs: 5, KeepScale: 2}, []array{f32(a), i32(42, 7, 9)},
			[]array{blank(n)}, [][]float64{dropped}, eps},
	}
}

// philox is Philox 2x32-10 written from the paper, in 64-bit arithmetic.
func philox(c0, c1, key uint32) [2]uint32 {
	for range 10 {
		p := uint64(c0) * 0xD256D193
		c0, c1 = uint32(p>>32)^key^c1, uint32(p)
		key += 0x9E3779B9
	}
	return [2]uint32{c0, c1}
}

func optimCases() []testCase {
	r := newDice(6)
	const n, decay = 70013, 700
	g, p, m, v := r.vec(n), r.vec(n), r.vec(n), r.positive(n)
	hyper := []float64{0.01, 0.9, 0.999, 1e-8, 0.1, 0.19, 0.0447, 1.5, 0.1, 0.001, 0, 1}
	norm := 0.0
	for _, x := range g {
		norm += x * x
	}
	norm = math.Sqrt(norm)
	clipped, p2, m2, v2 := clone(g), clone(p), clone(m), clone(v)
	for i, d := range g {
		clipped[i] = d * 0.75
		m2[i] = 0.9*m[i] + 0.1*d
		v2[i] = 0.999*v[i] + 0.001*d*d
		if i < decay {
			p2[i] -= 0.01 * 0.1 * p[i]
		}
		p2[i] -= 0.01 / 0.19 * m2[i] / (math.Sqrt(v2[i])/0.0447 + 1e-8)
	}
	never := clone(hyper)
	never[kernel.HyperMaxNorm] = math.Inf(1)
	bad := clone(g)
	bad[n-1] = math.Inf(-1)
	huge := clone(g)
	huge[5] = 1e30
	stats := func(g, h []float64, want ...float64) testCase {
		return testCase{"grad_norm", kernel.GradNorm{N: n}, []array{f32(g), f32(h)}, []array{blank(4)},
			[][]float64{want}, 1100 * eps}
	}
	return []testCase{
		stats(g, hyper, norm, 1.5/(norm+1e-6), 0, 0),
		stats(g, never, norm, 1, 0, 0),
		stats(bad, hyper, math.Inf(1), 0, 1, 0),
		stats(huge, hyper, math.Inf(1), 0, 0, 0),
		stats(huge, never, math.Inf(1), 1, 0, 0),
		stats(bad, never, math.Inf(1), 1, 1, 0),
		{"clip", kernel.Clip{N: n}, []array{f32([]float64{9, 0.75, 0, 0})}, []array{f32(g)}, [][]float64{clipped}, eps},
		// The parameters themselves are rounded; a step is at most 1.2·m/√v in them, 2.5 where v is 0.25.
		{"adamw", kernel.AdamW{N: n, Decay: decay}, []array{f32(g), f32(hyper)}, []array{f32(p), f32(m), f32(v)},
			[][]float64{p2, m2, v2}, 16 * eps},
	}
}

// peakCase halves the distance to 2 in each of four links of a chain.
func peakCase() testCase {
	const items, turns = 21, 2
	y := make([]float64, items)
	for i := range y {
		for j := range 32 {
			y[i] += 2 + (float64(j+i%2)-2)/16
		}
	}
	return testCase{name: "peak", sizes: kernel.Peak{Items: items, Turns: turns}, out: []array{f32(fill(items, poison))},
		want: [][]float64{y}, tol: 32 * eps}
}
