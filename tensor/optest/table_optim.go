package optest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// optimizers has what runs once a step over slabs: around the blocks of 4096 elements of the CPU's loops, and with
// weight decay that ends inside of them.
func optimizers() []Case {
	t := []Case{copied(tensor.F32), copied(tensor.I32), clipNorm(1, 10), clipNorm(5000, 0.5), clipNorm(5000, math.Inf(1))}
	for _, n := range []int{1, 33, 4097} {
		t = append(t, accumulate(n, 0), accumulate(n, 1), adamW(n, n/3), sgd(n, n), sgdMomentum(n, n/3, false),
			sgdMomentum(n, n, true), lion(n, n/3))
	}
	for _, momentum := range []bool{false, true} {
		t = append(t, adafactor(momentum, 0, []int{1, 1}, []int{5, 70}, []int{131, 3}, []int{17}),
			adafactor(momentum, 0.4, []int{300, 8}, []int{8, 300}))
	}
	return t
}

func copied(d tensor.DType) Case {
	s := tensor.Of(3, 41)
	s.DType = d
	in := Operand{Spec: s, Fill: func(r *rand.Rand, _ int) float64 { return math.Round(1e6 * r.NormFloat64()) }}
	return Case{Name: fmt.Sprint("copy ", d), Op: tensor.Copy{}, In: []Operand{in}, Def: func(x, y [][]float64) {
		copy(y[0], x[0])
	}}
}

func accumulate(n int, keep float64) Case {
	flag := Operand{Spec: tensor.Of(1), Fill: func(*rand.Rand, int) float64 { return keep }}
	return Case{Name: fmt.Sprint("accumulate ", n, " ", keep), Op: tensor.Accumulate{},
		In: []Operand{Normal(n), Normal(n), flag}, Def: func(x, y [][]float64) {
			for i := range y[0] {
				y[0][i] = keep*x[0][i] + x[1][i]
			}
		}}
}

// hyper is the operand of that name; what is not set is NaN, since nobody may read it.
func hyper(set map[int]float64) Operand {
	return Operand{Spec: tensor.Of(kernel.HyperLen), Fill: func(_ *rand.Rand, i int) float64 {
		if v, ok := set[i]; ok {
			return v
		}
		return math.NaN()
	}}
}

func clipNorm(n int, most float64) Case {
	return Case{Name: fmt.Sprint("clip_norm ", n, " ", most), Op: tensor.ClipNorm{}, Terms: n,
		In: []Operand{Normal(n), hyper(map[int]float64{kernel.HyperMaxNorm: most})}, Def: func(x, y [][]float64) {
			sum := 0.0
			for _, g := range x[0] {
				sum += g * g
			}
			norm := math.Sqrt(sum)
			copy(y[1], []float64{norm, min(1, most/(norm+1e-6)), 0, 0})
			for i, g := range x[0] {
				y[0][i] = g * y[1][1]
			}
		}}
}

// positive is a second moment: squares, and not so small that a step along them is large.
func positive(dims ...int) Operand {
	o := Normal(dims...)
	o.Fill = func(r *rand.Rand, _ int) float64 { return 0.1 + r.Float64() }
	return o
}

const rate, decay = 0.02, 0.3

func adamW(n, decays int) Case {
	h := hyper(map[int]float64{kernel.HyperLR: rate, kernel.HyperDecay: decay, kernel.HyperBeta1: 0.75,
		kernel.HyperRest1: 0.25, kernel.HyperBeta2: 0.875, kernel.HyperRest2: 0.125, kernel.HyperEps: 0.01,
		kernel.HyperBias1: 0.4, kernel.HyperBias2Root: 0.3})
	return Case{Name: fmt.Sprint("adamw ", n, " ", decays), Op: tensor.AdamW{Decay: decays}, Terms: 4,
		In: []Operand{Normal(n), Normal(n), positive(n), Normal(n), h}, Def: func(x, y [][]float64) {
			for i, g := range x[3] {
				y[1][i] = 0.75*x[1][i] + 0.25*g
				y[2][i] = 0.875*x[2][i] + 0.125*g*g
				y[0][i] = shrunk(x[0][i], i < decays) - rate/0.4*y[1][i]/(math.Sqrt(y[2][i])/0.3+0.01)
			}
		}}
}

// shrunk is a parameter after a step's weight decay.
func shrunk(p float64, decays bool) float64 {
	if decays {
		return p * (1 - rate*decay)
	}
	return p
}

func sgd(n, decays int) Case {
	h := hyper(map[int]float64{kernel.HyperLR: rate, kernel.HyperDecay: decay})
	return Case{Name: fmt.Sprint("sgd ", n, " ", decays), Op: tensor.SGD{Decay: decays}, Terms: 3,
		In: []Operand{Normal(n), Normal(n), h}, Def: func(x, y [][]float64) {
			for i, g := range x[1] {
				y[0][i] = shrunk(x[0][i], i < decays) - rate*g
			}
		}}
}

func sgdMomentum(n, decays int, nesterov bool) Case {
	const beta, rest = 0.75, 0.5
	h := hyper(map[int]float64{kernel.HyperLR: rate, kernel.HyperDecay: decay, kernel.HyperBeta1: beta,
		kernel.HyperRest1: rest})
	return Case{Name: fmt.Sprint("sgd_momentum ", n, " ", decays, " ", nesterov), Terms: 4,
		Op: tensor.SGDMomentum{Decay: decays, Nesterov: nesterov}, In: []Operand{Normal(n), Normal(n), Normal(n), h},
		Def: func(x, y [][]float64) {
			for i, d := range x[2] {
				if i < decays {
					d += decay * x[0][i]
				}
				y[1][i] = beta*x[1][i] + rest*d
				u := y[1][i]
				if nesterov {
					u = d + beta*u
				}
				y[0][i] = x[0][i] - rate*u
			}
		}}
}

// lion has gradients of 0 where there is no momentum, whose sign is 0.
func lion(n, decays int) Case {
	h := hyper(map[int]float64{kernel.HyperLR: rate, kernel.HyperDecay: decay, kernel.HyperBeta1: 0.75,
		kernel.HyperRest1: 0.25, kernel.HyperBeta2: 0.875, kernel.HyperRest2: 0.125})
	some := Normal(n)
	some.Fill = func(r *rand.Rand, i int) float64 { return float64(i%3) * r.NormFloat64() }
	return Case{Name: fmt.Sprint("lion ", n, " ", decays), Op: tensor.Lion{Decay: decays}, Terms: 3,
		In: []Operand{Normal(n), some, some, h}, Def: func(x, y [][]float64) {
			for i, g := range x[2] {
				y[0][i] = shrunk(x[0][i], i < decays)
				if u := 0.75*x[1][i] + 0.25*g; u != 0 {
					y[0][i] -= math.Copysign(rate, u)
				}
				y[1][i] = 0.875*x[1][i] + 0.125*g
			}
		}}
}
