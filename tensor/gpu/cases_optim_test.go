package gpu

import (
	"math"

	"github.com/vulora/vulora/tensor/kernel"
)

// stepCases are the optimizers that compute element by element, with more elements than one workgroup's.
func stepCases() []testCase {
	r := newDice(16)
	const n, decay = 70013, 700
	const lr, beta1, beta2, wd, rest1, rest2 = 0.01, 0.75, 0.875, 0.5, 0.25, 0.125
	hyper := []float64{lr, beta1, beta2, 1e-8, wd, 1, 1, 1, rest1, rest2, 0, 1}
	g, p, m := r.vec(n), r.vec(n), r.vec(n)
	plain, heavy, nesterov, buffer := clone(p), clone(p), clone(p), clone(m)
	signed, first := clone(p), clone(m)
	for i := range g {
		d := g[i]
		if i < decay {
			d += wd * p[i]
			signed[i] -= lr * wd * p[i]
		}
		plain[i] -= lr * d
		buffer[i] = beta1*m[i] + rest1*d
		heavy[i] -= lr * buffer[i]
		nesterov[i] -= lr * (d + beta1*buffer[i])
		if u := beta1*m[i] + rest1*g[i]; u != 0 {
			signed[i] -= math.Copysign(lr, u)
		}
		first[i] = beta2*m[i] + rest2*g[i]
	}
	in := []array{f32(g), f32(hyper)}
	return []testCase{
		{"sgd", kernel.SGD{N: n, Decay: decay}, in, []array{f32(p)}, [][]float64{plain}, 4 * eps},
		{"sgd_momentum", kernel.SGDMomentum{N: n, Decay: decay}, in, []array{f32(p), f32(m)}, [][]float64{heavy, buffer},
			4 * eps},
		{"sgd_momentum of Nesterov", kernel.SGDMomentum{N: n, Decay: decay, Nesterov: 1}, in, []array{f32(p), f32(m)},
			[][]float64{nesterov, buffer}, 4 * eps},
		{"lion", kernel.Lion{N: n, Decay: decay}, in, []array{f32(p), f32(m)}, [][]float64{signed, first}, 4 * eps},
		noiseCase(),
	}
}

// noiseCase has rows of an odd length, so that a block of random words spans two.
func noiseCase() testCase {
	r := newDice(18)
	const rows, cols, site = 37, 65, 5
	x, amplitude := r.vec(rows*cols), r.vec(rows)
	y := clone(x)
	for i := range y {
		word := philox(uint32(i/2+3*(cols+1)/2), site, 42^(7*0x9E3779B9&math.MaxUint32))[i%2]
		y[i] += amplitude[i/cols] * (float64(word>>8)/(1<<23) - 1)
	}
	return testCase{"noise", kernel.Noise{Rows: rows, Cols: cols, Site: site}, []array{i32(42, 7, 3), f32(amplitude)},
		[]array{f32(x)}, [][]float64{y}, 4 * eps}
}

// adafactorCases are the kernels of one matrix.
func adafactorCases() []testCase {
	r := newDice(17)
	const rows, cols, beta2, rest2, least, clip = 70, 301, 0.875, 0.125, 0.9, 0.5
	hyper := []float64{0.01, 0.75, beta2, 1e-3, 0.5, 1, 1, 1, 0.25, rest2, least, clip}
	g, p, m := r.vec(rows*cols), r.vec(rows*cols), r.vec(rows*cols)
	row, col, newRow, newCol := r.positive(rows), r.positive(cols), make([]float64, rows), make([]float64, cols)
	part := make([]float64, 3*rows)
	for i := range newRow {
		newRow[i], part[3*i+2] = beta2*row[i]+rest2*1e-3, row[i]
	}
	for j := range newCol {
		newCol[j] = beta2*col[j] + rest2*1e-3
	}
	rate := []float64{0.07, 0.02}
	stepped, averaged, moment := clone(p), clone(p), clone(m)
	for k, d := range g {
		i, j := k/cols, k%cols
		newRow[i] += rest2 * d * d / cols
		newCol[j] += rest2 * d * d / rows
		u := d / math.Sqrt(row[i]*col[j])
		part[3*i] += u * u
		part[3*i+1] += p[k] * p[k]
		stepped[k] -= 0.5*rate[1]*p[k] + rate[0]*u
		moment[k] = 0.75*m[k] + 0.25*rate[0]*u
		averaged[k] -= moment[k]
	}
	size := kernel.AdafactorStep{Rows: rows, Cols: cols}
	in := []array{f32(g), f32(row), f32(col), f32(rate), f32(hyper)}
	decays := size
	decays.Decay = 1
	return []testCase{
		{"adafactor_means", kernel.AdafactorMeans{Rows: rows, Cols: cols}, []array{f32(g), f32(hyper)},
			[]array{f32(row), f32(col)}, [][]float64{newRow, newCol}, cols * eps},
		{"adafactor_parts", kernel.AdafactorParts{Rows: rows, Cols: cols}, []array{f32(p), f32(g), f32(row), f32(col)},
			[]array{blank(3 * rows)}, [][]float64{part}, cols * eps},
		adafactorRate(rows, cols, part, hyper),
		{"adafactor_step", decays, in, []array{f32(p)}, [][]float64{stepped}, 16 * eps},
		{"adafactor_momentum", kernel.AdafactorMomentum(size), in, []array{f32(p), f32(m)},
			[][]float64{averaged, moment}, 16 * eps},
	}
}

func adafactorRate(rows, cols uint32, part, hyper []float64) testCase {
	n := float64(rows) * float64(cols)
	var updates, values, mean float64
	for i := 0; i < len(part); i += 3 {
		updates, values, mean = updates+part[i], values+part[i+1], mean+part[i+2]/float64(rows)
	}
	lr := hyper[kernel.HyperLR] * max(hyper[kernel.HyperLeast], math.Sqrt(values/n))
	first := lr * math.Sqrt(mean) / max(1, math.Sqrt(mean*updates/n)/hyper[kernel.HyperClip])
	return testCase{"adafactor_rate", kernel.AdafactorRate{Rows: rows, Cols: cols}, []array{f32(part), f32(hyper)},
		[]array{blank(2)}, [][]float64{{first, lr}}, eps}
}
