package cpu

import (
	"math"

	"github.com/vulora/vulora/tensor/kernel"
)

// define computes a launch by its definition, in float64. out holds the initial contents.
func define(sizes kernel.Sizes, out, in [][]float64) {
	switch s := sizes.(type) {
	case kernel.GatherRows:
		defineGatherRows(s, out, in)
	case kernel.ScatterRows:
		clear(out[0])
		for i, v := range in[1] {
			for c := range int(s.Cols) {
				if v >= 0 && int(v) < int(s.Count) {
					out[0][int(v)*int(s.Cols)+c] += in[0][i*int(s.Cols)+c]
				}
			}
		}
	case kernel.Linear:
		for t := range int(s.T) {
			for n := range int(s.N) {
				sum := 0.0
				for k := range int(s.K) {
					sum += in[0][t*int(s.K)+k] * in[1][n*int(s.K)+k]
				}
				if s.Bias != 0 {
					sum += in[2][n]
				}
				out[0][t*int(s.YStride)+int(s.YOff)+n] = sum
			}
		}
	case kernel.LinearBack:
		for t := range int(s.T) {
			for k := range int(s.K) {
				sum := 0.0
				for n := range int(s.N) {
					sum += in[0][t*int(s.YStride)+int(s.YOff)+n] * in[1][n*int(s.K)+k]
				}
				if s.Acc != 0 {
					sum += out[0][t*int(s.K)+k]
				}
				out[0][t*int(s.K)+k] = sum
			}
		}
	case kernel.MatMul:
		defineMatMul(s, out, in)
	case kernel.RMSNorm:
		defineNorm(int(s.Rows), int(s.Cols), s.Eps, in[0], in[1], out[0], out[1])
	case kernel.AddRMSNorm:
		for i := range out[0] {
			out[0][i] = in[0][i] + in[1][i]
		}
		defineNorm(int(s.Rows), int(s.Cols), s.Eps, out[0], in[2], out[1], out[2])
	case kernel.RMSNormBack:
		c := int(s.Cols)
		for i := range int(s.Rows) {
			mean, r := 0.0, in[3][i]
			for j := range c {
				mean += in[0][i*c+j] * in[1][i*c+j] * in[2][j] / float64(c)
			}
			for j := range c {
				out[0][i*c+j] = r*in[0][i*c+j]*in[2][j] - in[1][i*c+j]*r*r*r*mean
				if s.Add != 0 {
					out[0][i*c+j] += in[4][i*c+j]
				}
			}
		}
	case kernel.RMSNormBackWeight:
		c := int(s.Cols)
		for j := range c {
			out[0][j] = 0
			for i := range int(s.Rows) {
				out[0][j] += in[0][i*c+j] * in[1][i*c+j] * in[2][i]
			}
		}
	case kernel.RoPE:
		defineRoPE(s, out, in)
	case kernel.Attention:
		defineAttention(s, out[0], out[1], in[0], in[1], in[2])
	case kernel.AttentionBackQ:
		defineAttentionBack(kernel.Attention(s), in[3], in[0], in[4], func(t, h int, dq []float64, delta float64) {
			copy(out[0][t*int(s.QStride)+int(s.QOff)+h*int(s.D):], dq)
			out[1][t*int(s.Heads)+h] = delta
		}, nil)
	case kernel.AttentionBackKV:
		defineAttentionBackKV(s, out, in)
	case kernel.CacheWrite:
		for t := range int(s.T) {
			if at := int(in[1][t]); at >= 0 {
				copy(out[0][at*int(s.Cols):(at+1)*int(s.Cols)], in[0][t*int(s.Stride)+int(s.Off):])
			}
		}
	case kernel.SwiGLU:
		f := int(s.F)
		for i := range out[0] {
			a, b := in[0][i/f*2*f+i%f], in[0][i/f*2*f+f+i%f]
			out[0][i] = a / (1 + math.Exp(-a)) * b
		}
	case kernel.SwiGLUBack:
		f := int(s.F)
		for i, dy := range in[0] {
			at := i/f*2*f + i%f
			a, b := in[1][at], in[1][at+f]
			sig := 1 / (1 + math.Exp(-a))
			out[0][at], out[0][at+f] = dy*b*sig*(1+a*(1-sig)), dy*a*sig
		}
	case kernel.CrossEntropy:
		defineCrossEntropy(s, out, in)
	case kernel.Sum:
		out[0][0] = 0
		for _, v := range in[0] {
			out[0][0] += v * in[1][0]
		}
	case kernel.SumRows:
		for n := range int(s.N) {
			out[0][n] = 0
			for t := range int(s.T) {
				out[0][n] += in[0][t*int(s.Stride)+int(s.Off)+n]
			}
		}
	case kernel.AddBias:
		for t := range int(s.T) {
			for n := range int(s.N) {
				out[0][t*int(s.Stride)+int(s.Off)+n] += in[0][n]
			}
		}
	case kernel.Dropout:
		key := uint32(int32(in[1][0])) ^ uint32(int32(in[1][1]))*0x9E3779B9
		for i := range out[0] {
			w := [2]uint32{}
			w[0], w[1] = philox(uint32(i/2)+uint32(int32(in[1][2]))*s.Pairs, s.Site, key)
			out[0][i] = 0
			if w[i%2] >= s.Drop {
				out[0][i] = in[0][i] * float64(s.KeepScale)
			}
		}
	case kernel.Add:
		for i := range out[0] {
			out[0][i] += in[0][i]
		}
	case kernel.Scale:
		for i := range out[0] {
			out[0][i] *= float64(s.K)
		}
	case kernel.Copy:
		copy(out[0], in[0])
	case kernel.Accumulate:
		for i, g := range in[0] {
			if in[1][0] == 0 {
				out[0][i] = 0
			}
			out[0][i] += g
		}
	case kernel.GradNorm:
		sum := 0.0
		for _, g := range in[0] {
			sum += g * g
		}
		norm := math.Sqrt(sum)
		copy(out[0], []float64{norm, min(1, in[1][kernel.HyperMaxNorm]/(norm+1e-6)), 0, 0})
	case kernel.Clip:
		for i := range out[0] {
			out[0][i] *= in[0][1]
		}
	case kernel.AdamW:
		hyper := in[1]
		for i, g := range in[0] {
			p, m, v := &out[0][i], &out[1][i], &out[2][i]
			if i < int(s.Decay) {
				*p -= hyper[kernel.HyperLR] * hyper[kernel.HyperDecay] * *p
			}
			*m = hyper[kernel.HyperBeta1]**m + hyper[kernel.HyperRest1]*g
			*v = hyper[kernel.HyperBeta2]**v + hyper[kernel.HyperRest2]*g*g
			*p -= hyper[kernel.HyperLR] / hyper[kernel.HyperBias1] * *m /
				(math.Sqrt(*v)/hyper[kernel.HyperBias2Root] + hyper[kernel.HyperEps])
		}
	case kernel.ArgMax:
		for i := range out[0] {
			row, best := in[0][i*int(s.Cols):(i+1)*int(s.Cols)], 0
			for j, v := range row {
				if v > row[best] || math.IsNaN(v) && !math.IsNaN(row[best]) {
					best = j
				}
			}
			out[0][i] = float64(best)
		}
	default:
		panic(sizes.Kernel())
	}
}

func defineGatherRows(s kernel.GatherRows, out, in [][]float64) {
	for r := range int(s.Rows) {
		for c := range int(s.Cols) {
			y, at := &out[0][r*int(s.Cols)+c], int(in[1][r])
			if at < 0 && s.First == 0 {
				*y = 0
			}
			if at >= int(s.First) && at < int(s.First+s.Count) {
				*y = in[0][(at-int(s.First))*int(s.Cols)+c]
				if s.Scaled != 0 {
					*y *= in[2][0]
				}
			}
		}
	}
}

func defineMatMul(s kernel.MatMul, out, in [][]float64) {
	for m := range int(s.M) {
		for n := range int(s.N) {
			sum := 0.0
			for k := range int(s.K) {
				a, b := in[0][int(s.AOff):], in[1][int(s.BOff):]
				x, y := m*int(s.LDA)+k, k*int(s.LDB)+n
				if s.TransA != 0 {
					x = k*int(s.LDA) + m
				}
				if s.TransB != 0 {
					y = n*int(s.LDB) + k
				}
				sum += a[x] * b[y]
			}
			c := &out[0][int(s.COff)+m*int(s.LDC)+n]
			if s.Acc != 0 {
				*c += float64(s.Alpha) * sum
			} else {
				*c = float64(s.Alpha) * sum
			}
		}
	}
}

func defineNorm(rows, cols int, eps float32, x, w, y, r []float64) {
	for i := range rows {
		sum := 0.0
		for _, v := range x[i*cols : (i+1)*cols] {
			sum += v * v
		}
		r[i] = 1 / math.Sqrt(sum/float64(cols)+float64(eps))
		for j := range cols {
			y[i*cols+j] = x[i*cols+j] * r[i] * w[j]
		}
	}
}

func defineRoPE(s kernel.RoPE, out, in [][]float64) {
	d := int(s.D)
	for t := range int(s.T) {
		for h := range int(s.Heads) {
			x := out[0][t*int(s.Stride)+h*d:][:d]
			table := in[1][int(in[0][t])*d:][:d]
			for i := range d / 2 {
				a, b, c, n := x[i], x[i+d/2], table[i], table[i+d/2]
				if s.Inverse != 0 {
					n = -n
				}
				x[i], x[i+d/2] = a*c-b*n, b*c+a*n
			}
		}
	}
}

// probabilities of query t, head h over its keys, and the logarithm of their sum.
func probabilities(s kernel.Attention, q, kv, bounds []float64, t, h int) (p []float64, lo int, lse float64) {
	lo, hi := int(bounds[2*t]), int(bounds[2*t+1])
	g, d, sum := h/int(s.Heads/s.KVHeads), int(s.D), 0.0
	for key := lo; key < hi; key++ {
		dot := 0.0
		for i := range d {
			dot += q[t*int(s.QStride)+int(s.QOff)+h*d+i] * kv[key*int(s.KVStride)+int(s.KOff)+g*d+i]
		}
		p = append(p, math.Exp(dot*float64(s.Scale)))
		sum += p[len(p)-1]
	}
	for i := range p {
		p[i] /= sum
	}
	return p, lo, math.Log(sum)
}

func defineAttention(s kernel.Attention, y, lse, q, kv, bounds []float64) {
	d := int(s.D)
	for t := range int(s.T) {
		for h := range int(s.Heads) {
			p, lo, l := probabilities(s, q, kv, bounds, t, h)
			row := y[(t*int(s.Heads)+h)*d:][:d]
			clear(row)
			lse[t*int(s.Heads)+h] = l
			for j, w := range p {
				for i := range d {
					row[i] += w * kv[(lo+j)*int(s.KVStride)+int(s.VOff)+h/int(s.Heads/s.KVHeads)*d+i]
				}
			}
		}
	}
}

// defineAttentionBack gives dq and delta to row, and every pair's contribution to dk and dv to pair.
func defineAttentionBack(s kernel.Attention, x, dy, bounds []float64, row func(t, h int, dq []float64, delta float64),
	pair func(key, g int, dk, dv []float64)) {
	d, stride := int(s.D), int(s.QStride)
	for t := range int(s.T) {
		for h := range int(s.Heads) {
			g := h / int(s.Heads/s.KVHeads)
			p, lo, _ := probabilities(s, x, x, bounds, t, h)
			grad, q := dy[(t*int(s.Heads)+h)*d:][:d], x[t*stride+int(s.QOff)+h*d:][:d]
			dp, delta := make([]float64, len(p)), 0.0
			for j := range p {
				for i := range d {
					dp[j] += grad[i] * x[(lo+j)*stride+int(s.VOff)+g*d+i]
				}
				delta += p[j] * dp[j]
			}
			dq, dk, dv := make([]float64, d), make([]float64, d), make([]float64, d)
			for j := range p {
				ds := p[j] * (dp[j] - delta) * float64(s.Scale)
				for i := range d {
					dq[i] += ds * x[(lo+j)*stride+int(s.KOff)+g*d+i]
					dk[i], dv[i] = ds*q[i], p[j]*grad[i]
				}
				if pair != nil {
					pair(lo+j, g, dk, dv)
				}
			}
			if row != nil {
				row(t, h, dq, delta)
			}
		}
	}
}

// defineAttentionBackKV takes the bounds of queries from those of keys: the trials use bounds that mirror each other.
func defineAttentionBackKV(s kernel.AttentionBackKV, out, in [][]float64) {
	bounds, users, stride, d := make([]float64, 2*s.T), in[4], int(s.KVStride), int(s.D)
	for t := range int(s.T) {
		lo, hi := int(s.S), 0
		for key := range int(s.S) {
			if float64(t) >= users[2*key] && float64(t) < users[2*key+1] {
				lo, hi = min(lo, key), max(hi, key+1)
			}
		}
		bounds[2*t], bounds[2*t+1] = float64(lo), float64(max(lo, hi))
	}
	for key := range int(s.S) {
		for i := range int(s.KVHeads) * d {
			out[0][key*stride+int(s.KOff)+i], out[0][key*stride+int(s.VOff)+i] = 0, 0
		}
	}
	defineAttentionBack(kernel.Attention(s), in[3], in[0], bounds, nil, func(key, g int, dk, dv []float64) {
		for i := range d {
			out[0][key*stride+int(s.KOff)+g*d+i] += dk[i]
			out[0][key*stride+int(s.VOff)+g*d+i] += dv[i]
		}
	})
}

func defineCrossEntropy(s kernel.CrossEntropy, out, in [][]float64) {
	c := int(s.Cols)
	for i := range int(s.Rows) {
		row, label := out[0][i*c:(i+1)*c], int(in[0][i])
		if label < 0 {
			clear(row)
			out[1][i] = 0
			continue
		}
		sum := 0.0
		for _, z := range row {
			sum += math.Exp(z)
		}
		out[1][i] = math.Log(sum) - row[label]
		for j, z := range row {
			row[j] = in[1][0] * math.Exp(z) / sum
		}
		row[label] -= in[1][0]
	}
}
