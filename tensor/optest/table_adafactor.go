package optest

import (
	"fmt"
	"math"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// adafactor has weight decay on every second parameter.
func adafactor(momentum bool, least float64, shapes ...[]int) Case {
	const beta1, beta2, eps, clip = 0.75, 0.875, 0.01, 0.8
	op := tensor.Adafactor{Momentum: momentum}
	c := Case{Name: fmt.Sprint("adafactor ", shapes, " ", momentum, " ", least), Terms: 8}
	each := 3
	if momentum {
		each = 4
	}
	var grads []Operand
	for i, s := range shapes {
		rows, cols := s[0], 1
		if len(s) == 2 {
			cols = s[1]
		}
		c.In = append(c.In, Normal(s...), positive(rows), positive(cols))
		if momentum {
			c.In = append(c.In, Normal(s...))
		}
		grads = append(grads, Normal(s...))
		op.Decay = append(op.Decay, i%2 == 1)
		c.Terms = max(c.Terms, rows*cols)
	}
	c.Op = op
	c.In = append(append(c.In, grads...), hyper(map[int]float64{kernel.HyperLR: rate, kernel.HyperDecay: decay,
		kernel.HyperBeta1: beta1, kernel.HyperRest1: 1 - beta1, kernel.HyperBeta2: beta2, kernel.HyperRest2: 1 - beta2,
		kernel.HyperEps: eps, kernel.HyperLeast: least, kernel.HyperClip: clip}))
	c.Def = func(x, y [][]float64) {
		for i, decays := range op.Decay {
			p, g, out := x[i*each], x[len(shapes)*each+i], y[i*each:][:each]
			row, col := out[1], out[2]
			copy(row, x[i*each+1])
			copy(col, x[i*each+2])
			factoredMeans(g, row, col, beta2, eps)
			u := factoredUpdate(g, row, col)
			lr := rate
			if least > 0 {
				lr *= max(least, rms(p))
			}
			large := max(1, rms(u)/clip)
			for j := range u {
				change := lr * u[j] / large
				if momentum {
					change = beta1*x[i*each+3][j] + (1-beta1)*change
					out[3][j] = change
				}
				out[0][j] = p[j] - change
				if decays {
					out[0][j] -= lr * decay * p[j]
				}
			}
		}
	}
	return c
}

func factoredMeans(g, row, col []float64, beta, eps float64) {
	n := len(col)
	for i := range row {
		row[i] *= beta
	}
	for j := range col {
		col[j] *= beta
	}
	for k, v := range g {
		row[k/n] += (1 - beta) * (v*v + eps) / float64(n)
		col[k%n] += (1 - beta) * (v*v + eps) / float64(len(row))
	}
}

// factoredUpdate is g over the root of the second moments that the means of rows and columns stand for.
func factoredUpdate(g, row, col []float64) []float64 {
	mean := 0.0
	for _, v := range row {
		mean += v / float64(len(row))
	}
	u := make([]float64, len(g))
	for k, v := range g {
		u[k] = v / math.Sqrt(row[k/len(col)]/mean*col[k%len(col)])
	}
	return u
}

func rms(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum / float64(len(x)))
}
