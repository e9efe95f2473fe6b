package gpu

import (
	"fmt"
	"math"
	"slices"

	"github.com/vulora/vulora/tensor/kernel"
)

// matrixCases are products that may round their factors to bfloat16, which are exact there, but for those of 4-bit
// weights. Rows and columns lie off the tiles' edges where they may.
func matrixCases() (all []testCase) {
	r := newDice(40)
	for _, dt := range weightTypes {
		for _, size := range [][3]int{{16, 40, 64}, {37, 72, 136}, {70, 200, 64}, {150, 264, 192}} {
			t, n, k := size[0], size[1], size[2]
			if fourBits(dt) {
				k = k / kernel.BlockSize * kernel.BlockSize
			}
			all = append(all, matrixCase(r, dt, t, n, k, 0)...)
		}
		// As gradients are: far below the least float16, and rows far from each other.
		all = append(all, matrixCase(r, dt, 33, 64, 64, -30)...)
		all = append(all, matrixCase(r, dt, 33, 64, 64, 30)...)
	}
	return append(all, rowScaleCases(r)...)
}

// rowScaleCases have rows of ordinary numbers, zeros, the least and the greatest there are, and what is none.
func rowScaleCases(r dice) (all []testCase) {
	const rows, cols, stride, off, to = 6, 150, 157, 3, 5
	for _, dt := range []kernel.DType{kernel.F32, kernel.BF16} {
		x, f, want := r.vec(rows*stride), r.positive(cols), [][]float64{fill(to+rows, keep), fill(to+rows, keep)}
		for i, set := range [rows][]float64{1: {0}, 2: {0x1p-126}, 3: {-0x1p127}, 4: {math.Inf(-1)}, 5: {0, 1, -0x1p10}} {
			row := x[i*stride+off:][:cols]
			for c := range row {
				if len(set) > 0 {
					row[c] = set[c*len(set)/cols]
				}
			}
			for j := range want {
				most := 0.0
				for c, v := range row {
					if j == 1 {
						v = float64(float32(v) * float32(f[c]))
					}
					most = max(most, math.Abs(v))
				}
				_, e := math.Frexp(min(max(most, 0x1p-112), math.MaxFloat32))
				want[j][to+i] = math.Ldexp(1, e-1-14)
			}
		}
		s := rowScale{Rows: rows, Cols: cols, Stride: stride, Off: off, To: to}
		with := s
		with.Factors = 1
		all = append(all,
			testCase{name: "row_scale", sizes: s, in: []array{{dt, x}}, out: []array{blank(to + rows)}, want: want[:1]},
			testCase{name: "row_scale by factors", sizes: with, in: []array{{dt, x}, f32(f)}, out: []array{blank(to + rows)},
				want: want[1:]})
	}
	return all
}

// matrixCase is a product forward, with a bias, and one backward, added to what was there. Row i of x and dy is
// multiplied by 2^power and by 2^-(i%8), row i of a weight that has exponents by 2^(power/2+i%8).
func matrixCase(r dice, dt kernel.DType, t, n, k, power int) []testCase {
	stride, off := n+12, 4
	x, dy, b := r.vec(t*k), r.vec(t*stride), r.vec(n)
	stored, w := r.weight(dt, n, k)
	if power != 0 {
		raise := func(v []float64, cols, sign, power int) {
			for i := range v {
				v[i] = math.Ldexp(v[i], power+sign*(i/cols%8))
			}
		}
		raise(x, k, -1, power)
		raise(dy, stride, -1, power)
		switch {
		case dt == kernel.F32 || dt == kernel.BF16:
			raise(w, k, 1, power/2)
		case fourBits(dt):
			raise(stored[1].v, k/kernel.BlockSize, 1, power/2)
			raise(w, k, 1, power/2)
		}
		b = fill(n, 0)
	}
	y, dx, old := fill(t*stride, keep), make([]float64, t*k), fill(t*k, 0)
	if power == 0 {
		old = r.vec(t * k)
	}
	most, mostBack := 0.0, 0.0 // the largest sums of magnitudes
	for i := range t {
		each := make([]float64, k)
		for j := range n {
			sum, size := b[j], 0.0
			for c := range k {
				p, q := x[i*k+c]*w[j*k+c], dy[i*stride+off+j]*w[j*k+c]
				sum, size = sum+p, size+math.Abs(p)
				dx[i*k+c] += q
				each[c] += math.Abs(q)
			}
			y[i*stride+off+j] = sum
			most = max(most, size)
		}
		mostBack = max(mostBack, slices.Max(each))
	}
	for i := range dx {
		dx[i] += old[i]
	}
	// Products of values that are exact when rounded are exact; scaled codes of four bits are not, by half a unit of
	// bfloat16.
	rounded := 0.0
	if fourBits(dt) {
		rounded = 0x1p-9
	}
	tol := func(want []float64, sums float64, terms int) float64 {
		size := 1.0
		for _, v := range want {
			if v == v {
				size = max(size, math.Abs(v))
			}
		}
		return (rounded + float64(terms+2)*eps) * sums / size
	}
	s := kernel.Linear{T: uint32(t), N: uint32(n), K: uint32(k), YStride: uint32(stride), YOff: uint32(off), Bias: 1,
		Precision: kernel.RoundBF16}
	sb := kernel.LinearBack{T: s.T, N: s.N, K: s.K, YStride: s.YStride, YOff: s.YOff, Acc: 1, Precision: s.Precision}
	name := fmt.Sprintf("matrices 2^%d", power)
	return []testCase{
		{name: name + " linear", sizes: s, in: slices.Concat([]array{f32(x)}, stored, []array{f32(b)}),
			out: []array{blank(t * stride)}, want: [][]float64{y}, tol: tol(y, most, k)},
		{name: name + " linear_back", sizes: sb, in: slices.Concat([]array{f32(dy)}, stored),
			out: []array{f32(old)}, want: [][]float64{dx}, tol: tol(dx, mostBack, n)},
	}
}
