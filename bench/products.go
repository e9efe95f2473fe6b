package bench

import "github.com/vulora/vulora/tensor/kernel"

func linear(name string, t, n, k uint32, w kernel.DType, precision uint32) Row {
	in := append([]operand{floats(t, k)}, weight(w, n, k)...)
	return Row{Op: "linear " + name, T: t, DType: w, FLOP: 2 * float64(product(t, n, k)),
		Bytes: bytes(in...) + bytes(floats(t, n)), cast: precision,
		sizes: kernel.Linear{T: t, N: n, K: k, YStride: n, Precision: precision},
		out:   []operand{floats(t, n)}, in: in, tol: productError(precision),
		define: func(in []values, _ values, i int) (y float64) {
			row, col := i/int(n), i%int(n)
			for l := range int(k) {
				y += in[0].at(row*int(k)+l) * element(in[1:], col, l, int(k))
			}
			return y
		}}
}

func linearBack(name string, t, n, k uint32, w kernel.DType, precision uint32) Row {
	in := append([]operand{floats(t, n)}, weight(w, n, k)...)
	return Row{Op: "linear_back " + name, T: t, DType: w, FLOP: 2 * float64(product(t, n, k)),
		Bytes: bytes(in...) + bytes(floats(t, k)), cast: precision,
		sizes: kernel.LinearBack{T: t, N: n, K: k, YStride: n, Precision: precision},
		out:   []operand{floats(t, k)}, in: in, tol: productError(precision),
		define: func(in []values, _ values, i int) (y float64) {
			row, col := i/int(k), i%int(k)
			for l := range int(n) {
				y += in[0].at(row*int(n)+l) * element(in[1:], l, col, int(k))
			}
			return y
		}}
}

// productError is in units of a result's root mean square: a sum of independent products, each off by some roundings.
// Two factors that are rounded to bfloat16 are each off by up to 2⁻⁹, and by a third of that in the mean.
func productError(precision uint32) float64 {
	if precision == kernel.RoundBF16 {
		return 6.0 / (1 << 9)
	}
	return 1.0 / (1 << 16)
}

// matmul is a product of matrices [m, k] and [k, n] taken transposed or not.
func matmul(name string, t, m, n, k uint32, transA, transB bool) Row {
	s := kernel.MatMul{M: m, N: n, K: k, LDA: k, LDB: n, LDC: n, Alpha: 1}
	if transA {
		s.TransA, s.LDA = 1, m
	}
	if transB {
		s.TransB, s.LDB = 1, k
	}
	in := []operand{floats(m, k), floats(k, n)}
	return Row{Op: "matmul " + name, T: t, FLOP: 2 * float64(product(m, n, k)), Bytes: bytes(in...) + bytes(floats(m, n)),
		sizes: s, out: []operand{floats(m, n)}, in: in, tol: productError(kernel.Exact),
		define: func(in []values, _ values, i int) (y float64) {
			row, col := i/int(n), i%int(n)
			for l := range int(k) {
				a, b := row*int(k)+l, l*int(n)+col
				if transA {
					a = l*int(m) + row
				}
				if transB {
					b = col*int(k) + l
				}
				y += in[0].at(a) * in[1].at(b)
			}
			return y
		}}
}

// The products of an adapter: x·aᵀ, h·bᵀ, and dhᵀ·x, the gradient of a.
func lowRankIn(t, c uint32) Row   { return matmul("x·aᵀ", t, t, rank, c, false, true) }
func lowRankOut(t, c uint32) Row  { return matmul("h·bᵀ", t, t, c, rank, false, true) }
func lowRankGrad(t, c uint32) Row { return matmul("dhᵀ·x", t, rank, c, t, true, false) }
