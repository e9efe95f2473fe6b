package bench

import (
	"math"

	"github.com/vulora/vulora/tensor/kernel"
)

const eps = 1e-6

// rowError is of results that depend on a few numbers and a sum over a row.
const rowError = 1.0 / (1 << 17)

// addRMSNorm's first result is the sum that the norm is of.
func addRMSNorm(t, c uint32) Row {
	return Row{Op: "add_rmsnorm", T: t, FLOP: 6 * float64(product(t, c)), Bytes: 4 * bytes(floats(t, c)),
		sizes: kernel.AddRMSNorm{Rows: t, Cols: c, Eps: eps},
		out:   []operand{floats(t, c), floats(t, c), floats(t)}, in: []operand{floats(t, c), floats(t, c), floats(c)},
		tol:    rowError,
		define: func(in []values, _ values, i int) float64 { return in[0].at(i) + in[1].at(i) }}
}

func rmsNormBack(t, c uint32) Row {
	in := []operand{floats(t, c), floats(t, c), floats(c), constant(1, t), floats(t, c)}
	return Row{Op: "rmsnorm_back", T: t, FLOP: 9 * float64(product(t, c)), Bytes: 4 * bytes(floats(t, c)),
		sizes: kernel.RMSNormBack{Rows: t, Cols: c, Add: 1}, out: []operand{floats(t, c)}, in: in, tol: rowError,
		define: func(in []values, _ values, i int) float64 {
			row, mean := i/int(c)*int(c), 0.0
			r := in[3].at(i / int(c))
			for j := range int(c) {
				mean += in[1].at(row+j) * in[0].at(row+j) * in[2].at(j)
			}
			mean /= float64(c)
			return r*in[0].at(i)*in[2].at(i-row) - in[1].at(i)*r*r*r*mean + in[4].at(i)
		}}
}

func rope(t uint32, m Shape) Row {
	heads, d, stride := m.Heads+m.KVHeads, int(m.HeadDim), int(m.qkv())
	return Row{Op: "rope", T: t, FLOP: 3 * float64(product(t, heads, m.HeadDim)),
		Bytes: 2 * bytes(floats(t, heads, m.HeadDim)), places: true, tol: rowError,
		sizes: kernel.RoPE{T: t, Heads: heads, D: m.HeadDim, Stride: m.qkv()}, out: []operand{floats(t, m.qkv())},
		in: []operand{ints(func(i int) int { return i }, t), floats(t, m.HeadDim)},
		define: func(in []values, old values, i int) float64 {
			row, col := i/stride, i%stride
			if col >= int(heads)*d {
				return old.at(i)
			}
			angle := row*d + col%(d/2)
			cos, sin := in[1].at(angle), in[1].at(angle+d/2)
			if col%d < d/2 {
				return old.at(i)*cos - old.at(i+d/2)*sin
			}
			return old.at(i)*cos + old.at(i-d/2)*sin
		}}
}

func swiglu(t, f uint32) Row {
	return Row{Op: "swiglu", T: t, FLOP: 6 * float64(product(t, f)), Bytes: 3 * bytes(floats(t, f)),
		sizes: kernel.SwiGLU{T: t, F: f}, out: []operand{floats(t, f)}, in: []operand{floats(t, 2*f)}, tol: rowError,
		define: func(in []values, _ values, i int) float64 {
			a := in[0].at(i/int(f)*2*int(f) + i%int(f))
			b := in[0].at(i/int(f)*2*int(f) + int(f) + i%int(f))
			return a / (1 + math.Exp(-a)) * b
		}}
}

func swigluBack(t, f uint32) Row {
	return Row{Op: "swiglu_back", T: t, FLOP: 12 * float64(product(t, f)), Bytes: 5 * bytes(floats(t, f)),
		sizes: kernel.SwiGLUBack{T: t, F: f}, out: []operand{floats(t, 2*f)}, in: []operand{floats(t, f), floats(t, 2*f)},
		tol: rowError,
		define: func(in []values, _ values, i int) float64 {
			row, col, n := i/int(2*f), i%int(2*f), int(f)
			at := row*2*n + col%n
			a, b, dy := in[1].at(at), in[1].at(at+n), in[0].at(row*n+col%n)
			s := 1 / (1 + math.Exp(-a))
			if col < n {
				return dy * b * s * (1 + a*(1-s))
			}
			return dy * a * s
		}}
}

// crossEntropy's first result is the gradient of the logits, in place.
func crossEntropy(t, v uint32) Row {
	label := func(i int) int { return i * 1009 % int(v) }
	return Row{Op: "cross_entropy", T: t, FLOP: 8 * float64(product(t, v)), Bytes: 2 * bytes(floats(t, v)), places: true,
		sizes: kernel.CrossEntropy{Rows: t, Cols: v}, out: []operand{floats(t, v), floats(t)},
		in: []operand{ints(label, t), constant(1, 1)}, tol: rowError,
		define: func(in []values, old values, i int) float64 {
			row, sum := i/int(v)*int(v), 0.0
			for j := range int(v) {
				sum += math.Exp(old.at(row + j))
			}
			p := math.Exp(old.at(i)) / sum
			if i-row == label(i/int(v)) {
				p--
			}
			return p
		}}
}
