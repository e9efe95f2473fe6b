package optest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/vulora/vulora/tensor"
)

// Table returns a row for every op, at shapes around the tiles of the kernels and never only at their multiples.
func Table() []Case {
	t := []Case{add(7, 13), add(64, 64), addBias(), scale(), dropout(), swiglu(3, 5), swiglu(33, 129), rope(5, 3, 8),
		rope(17, 1, 64)}
	for _, s := range [][2]int{{3, 11}, {9, 64}, {5, 257}, {40, 896}} {
		t = append(t, rmsnorm(s[0], s[1]), throughRMSNorm(s[0], s[1]), addRMSNorm(s[0], s[1]))
	}
	for _, d := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16} {
		t = append(t, EmbeddingCase(d, 37, 7, 5), EmbeddingCase(d, 64, 32, 19))
	}
	t = append(t, EmbeddingCase(tensor.I8, 37, 7, 5), EmbeddingCase(tensor.I8, 64, 33, 19))
	t = append(t, rows(), argmax(1, 1), argmax(5, 1031))
	t = append(t, noise(7, 33), noise(64, 65))
	return slices.Concat(t, linears(), attentions(), losses(), optimizers())
}

func add(dims ...int) Case {
	return Case{Name: name("add", dims), Op: tensor.Add{}, In: []Operand{Normal(dims...), Normal(dims...)},
		Def: func(x, y [][]float64) {
			for i := range y[0] {
				y[0][i] = x[0][i] + x[1][i]
			}
		}}
}

func addBias() Case {
	const t, n, off, m = 70, 12, 3, 5
	return Case{Name: "add_bias", Op: tensor.AddBias{Off: off}, In: []Operand{Normal(t, n), Normal(m)}, Terms: t,
		Def: func(x, y [][]float64) {
			for i := range y[0] {
				y[0][i] = x[0][i]
				if c := i%n - off; c >= 0 && c < m {
					y[0][i] += x[1][c]
				}
			}
		}}
}

func scale() Case {
	const k = float32(0.3)
	return Case{Name: "scale", Op: tensor.Scale{K: k}, In: []Operand{Normal(2, 19)}, Def: func(x, y [][]float64) {
		for i := range y[0] {
			y[0][i] = float64(k) * x[0][i]
		}
	}}
}

func dropout() Case {
	const p, site, seed, step, before, cols = 0.3, 5, 42, 3, 11, 31
	key := Ints(func(i int) int { return []int{seed, step, before}[i] }, 3)
	return Case{Name: "dropout", Op: tensor.Dropout{P: p, Site: site}, In: []Operand{Normal(9, cols), key},
		Def: func(x, y [][]float64) {
			drop := uint32(math.Floor(p * (1 << 32)))
			for i := range y[0] {
				if philox(uint32(i+before*(cols+1)), site, seed, step) >= drop {
					y[0][i] = x[0][i] * float64(float32(1/(1-p)))
				}
			}
		}}
}

func noise(t, c int) Case {
	const site, seed, step, before = 9, 42, 3, 5
	key := Ints(func(i int) int { return []int{seed, step, before}[i] }, 3)
	return Case{Name: name("noise", []int{t, c}), Op: tensor.Noise{Site: site},
		In: []Operand{Normal(t, c), key, fixed(Normal(t))}, Def: func(x, y [][]float64) {
			for i := range y[0] {
				word := philox(uint32(i+before*((c+1)/2*2)), site, seed, step)
				y[0][i] = x[0][i] + x[2][i/c]*(float64(word>>8)/(1<<23)-1)
			}
		}}
}

// philox is Philox 2x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
func philox(element, site, seed, step uint32) uint32 {
	key := seed ^ step*0x9E3779B9
	c := [2]uint32{element / 2, site}
	for range 10 {
		p := uint64(c[0]) * 0xD256D193
		c = [2]uint32{uint32(p>>32) ^ key ^ c[1], uint32(p)}
		key += 0x9E3779B9
	}
	return c[element%2]
}

func swiglu(t, f int) Case {
	return Case{Name: name("swiglu", []int{t, f}), Op: tensor.SwiGLU{}, In: []Operand{Normal(t, 2*f)}, Terms: 4,
		Def: func(x, y [][]float64) {
			for i := range y[0] {
				a, b := x[0][i/f*2*f+i%f], x[0][i/f*2*f+f+i%f]
				y[0][i] = a / (1 + math.Exp(-a)) * b
			}
		}}
}

func rope(t, heads, d int) Case {
	const positions = 40
	n := heads*d + 3 // three columns pass through
	table := tensor.RoPETable(positions, d, 1e4)
	angles := Operand{Spec: tensor.Of(positions, d), Const: true,
		Fill: func(_ *rand.Rand, i int) float64 { return float64(table[i]) }}
	pos := func(i int) int { return (7 * i) % positions }
	return Case{Name: name("rope", []int{t, heads, d}), Op: tensor.RoPE{Heads: heads, D: d}, Terms: 2,
		In: []Operand{Normal(t, n), Ints(pos, t), angles}, Def: func(x, y [][]float64) {
			for i := range y[0] {
				row, c := i/n, i%n
				if c >= heads*d {
					y[0][i] = x[0][i]
					continue
				}
				a := x[2][pos(row)*d:]
				if j := c % d; j < d/2 {
					y[0][i] = x[0][i]*a[j] - x[0][i+d/2]*a[d/2+j]
				} else {
					y[0][i] = x[0][i]*a[j-d/2] + x[0][i-d/2]*a[j]
				}
			}
		}}
}

const eps = 1e-6

func normalise(x, w, y []float64) {
	c := len(w)
	for i := 0; i < len(y); i += c {
		var ss float64
		for _, v := range x[i : i+c] {
			ss += v * v
		}
		for j := range c {
			y[i+j] = x[i+j] * w[j] / math.Sqrt(ss/float64(c)+eps)
		}
	}
}

func rmsnorm(t, c int) Case {
	return Case{Name: name("rmsnorm", []int{t, c}), Op: tensor.RMSNorm{Eps: eps}, In: []Operand{Normal(t, c), Normal(c)},
		Terms: max(t, c),
		Def:   func(x, y [][]float64) { normalise(x[0], x[1], y[0]) }}
}

func throughRMSNorm(t, c int) Case {
	return Case{Name: name("through_rmsnorm", []int{t, c}), Op: tensor.ThroughRMSNorm{Eps: eps}, Terms: max(t, c),
		In: []Operand{Normal(t, c), Normal(c)}, Def: func(x, y [][]float64) {
			copy(y[0], x[0])
			normalise(x[0], x[1], y[1])
		}}
}

func addRMSNorm(t, c int) Case {
	return Case{Name: name("add_rmsnorm", []int{t, c}), Op: tensor.AddRMSNorm{Eps: eps}, Terms: max(t, c),
		In: []Operand{Normal(t, c), Normal(t, c), Normal(c)}, Def: func(x, y [][]float64) {
			for i := range y[0] {
				y[0][i] = x[0][i] + x[1][i]
			}
			normalise(y[0], x[2], y[1])
		}}
}

// EmbeddingCase is a row for Embedding: a table [v, c] and t ids.
func EmbeddingCase(d tensor.DType, v, c, t int) Case {
	ids := func(i int) int { return (5*i)%(v+1) - 1 }
	in := []Operand{Weight(d, v, c)}
	if d.Quantized() {
		in = frozen(d, v, c)
	}
	return Case{Name: fmt.Sprint("embedding ", d, " ", v, " ", c, " ", t), Op: tensor.Embedding{Quantized: d.Quantized()},
		In: append(in, Ints(ids, t)), Terms: t, Def: func(x, y [][]float64) {
			table := matrixOf(d, x, c)
			for i := range y[0] {
				if id := ids(i / c); id >= 0 {
					y[0][i] = table[id*c+i%c]
				}
			}
		}}
}

func rows() Case {
	const t, c, s = 9, 5, 4
	index := func(i int) int { return []int{8, -1, 0, 3}[i] }
	return Case{Name: "rows", Op: tensor.Rows{}, In: []Operand{Normal(t, c), Ints(index, s)}, Def: func(x, y [][]float64) {
		for i := range y[0] {
			if at := index(i / c); at >= 0 {
				y[0][i] = x[0][at*c+i%c]
			}
		}
	}}
}

// argmax has many equal elements, of which the first must win.
func argmax(t, v int) Case {
	few := Operand{Spec: tensor.Of(t, v), Fill: func(r *rand.Rand, _ int) float64 { return float64(r.IntN(40)) - 20 }}
	return Case{Name: name("argmax", []int{t, v}), Op: tensor.ArgMax{}, In: []Operand{few}, Def: func(x, y [][]float64) {
		for i := range y[0] {
			best := 0
			for j := range v {
				if x[0][i*v+j] > x[0][i*v+best] {
					best = j
				}
			}
			y[0][i] = float64(best)
		}
	}}
}

func name(op string, dims []int) string {
	for _, d := range dims {
		op += fmt.Sprint(" ", d)
	}
	return op
}
