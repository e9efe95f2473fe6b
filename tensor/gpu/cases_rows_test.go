package gpu

import (
	"math"
	"slices"

	"github.com/vulora/vulora/tensor/kernel"
)

func rowCases() (all []testCase) {
	r := newDice(7)
	const rows, cols, first, count = 9, 7, 4, 11
	index := []float64{4, 14, 15, 3, -1, 9, 1 << 30, math.MinInt32, 10}
	for _, dt := range tableTypes {
		stored, table := r.weight(dt, count, cols)
		for _, f := range []int{first, 0} {
			y := fill(rows*cols, keep)
			for i, at := range index {
				for c := range cols {
					if at := int(at); at >= f && at < f+count {
						y[i*cols+c] = 0.5 * table[(at-f)*cols+c]
					} else if at < 0 && f == 0 {
						y[i*cols+c] = 0
					}
				}
			}
			all = append(all, testCase{"gather_rows",
				kernel.GatherRows{Rows: rows, Cols: cols, First: uint32(f), Count: count, Scaled: 1},
				slices.Concat(stored, []array{i32(index...), f32([]float64{0.5})}), []array{blank(rows * cols)},
				[][]float64{y}, 2 * eps})
		}
	}
	grad, sums := r.vec(rows*cols), make([]float64, count*cols)
	twice := []float64{4, 0, 10, 11, -1, 4, 1 << 30, math.MinInt32, 4}
	for i, at := range twice {
		if at >= 0 && at < count {
			axpy(sums[int(at)*cols:][:cols], 1, grad[i*cols:][:cols])
		}
	}
	all = append(all, testCase{"scatter_rows", kernel.ScatterRows{Rows: rows, Cols: cols, Count: count},
		[]array{f32(grad), i32(twice...)}, []array{blank(count * cols)}, [][]float64{sums}, rows * eps})
	plain := r.vec(3 * cols)
	all = append(all, testCase{"gather_rows unscaled", kernel.GatherRows{Rows: 1, Cols: cols, Count: 3},
		[]array{f32(plain), i32(2)}, []array{blank(cols)}, [][]float64{plain[2*cols:]}, 0})

	const t, f = 7, 13
	x, dy := r.vec(t*2*f), r.vec(t*f)
	y, dx := make([]float64, t*f), make([]float64, t*2*f)
	for i := range t {
		for c := range f {
			a, b, d := x[i*2*f+c], x[i*2*f+f+c], dy[i*f+c]
			s := 1 / (1 + math.Exp(-a))
			y[i*f+c] = a * s * b
			dx[i*2*f+c] = d * b * s * (1 + a*(1-s))
			dx[i*2*f+f+c] = d * a * s
		}
	}
	all = append(all,
		testCase{"swiglu", kernel.SwiGLU{T: t, F: f}, []array{f32(x)}, []array{blank(t * f)}, [][]float64{y}, 16 * eps},
		testCase{"swiglu_back", kernel.SwiGLUBack{T: t, F: f}, []array{f32(dy), f32(x)}, []array{blank(t * 2 * f)},
			[][]float64{dx}, 24 * eps})
	return append(all, argmaxCase())
}

func argmaxCase() testCase {
	r := newDice(8)
	const rows, cols = 9, 150
	z, want := r.vec(rows*cols), make([]float64, rows)
	z[3], z[7] = 3, 3                          // the first of two equals
	z[cols+149] = 5                            // the last column
	z[2*cols+80] = math.Inf(1)                 // beaten by the NaN after it
	z[2*cols+90] = math.NaN()                  //
	z[2*cols+91] = math.NaN()                  // the first of two NaN
	copy(z[3*cols:], fill(cols, math.Inf(-1))) // nothing is larger than the first
	copy(z[4*cols:], fill(cols, 0))
	z[4*cols+5] = math.Copysign(0, -1) // zeros are equal
	for i := range rows {
		best := 0
		row := z[i*cols:][:cols]
		for c, v := range row {
			if !math.IsNaN(row[best]) && (math.IsNaN(v) || v > row[best]) {
				best = c
			}
		}
		want[i] = float64(best)
	}
	return testCase{"argmax", kernel.ArgMax{Rows: rows, Cols: cols}, []array{f32(z)}, []array{i32(fill(rows, -9)...)},
		[][]float64{want}, 0}
}

func attentionCases() (all []testCase) {
	for i, d := range []int{8, 6, 20} {
		all = append(all, oddAttention(uint64(10+i), d)...)
	}
	all = append(append(all, cachedAttention(2, 150)), windowedAttention()...)

	r := newDice(9)
	const t, heads, d, stride, positions = 7, 3, 6, 25, 5
	pos := []float64{4, 0, 3, 5, -1, 1, math.MaxInt32} // some outside the table: those rows are not to be touched
	x := r.vec(t * stride)
	table := make([]float64, positions*d)
	for p := range positions {
		for j := range d / 2 {
			angle := float64(p) * math.Pow(100, -2*float64(j)/d)
			table[p*d+j], table[p*d+d/2+j] = math.Cos(angle), math.Sin(angle)
		}
	}
	for inverse := range 2 {
		y := fill(len(x), keep)
		for i, p := range pos {
			if p < 0 || p >= positions {
				continue
			}
			for h := range heads {
				for j := range d / 2 {
					at := i*stride + h*d + j
					c, s := table[int(p)*d+j], table[int(p)*d+d/2+j]*float64(1-2*inverse)
					y[at] = x[at]*c - x[at+d/2]*s
					y[at+d/2] = x[at+d/2]*c + x[at]*s
				}
			}
		}
		all = append(all, testCase{"rope", kernel.RoPE{T: t, Heads: heads, D: d, Stride: stride, Inverse: uint32(inverse)},
			[]array{i32(pos...), f32(table)}, []array{f32(x)}, [][]float64{y}, 6 * eps})
	}

	const slots, cols, off = 6, 5, 3
	slot := []float64{5, -1, 0, 6, 2, math.MaxInt32, math.MinInt32}
	cache := fill(slots*cols, keep)
	for i, s := range slot {
		if s >= 0 && s < slots {
			copy(cache[int(s)*cols:], x[i*stride+off:][:cols])
		}
	}
	return append(all, testCase{"cache_write", kernel.CacheWrite{T: t, Cols: cols, Stride: stride, Off: off},
		[]array{f32(x), i32(slot...)}, []array{blank(slots * cols)}, [][]float64{cache}, 0})
}

// oddAttention has bounds that go beyond the edges, and queries that do not see themselves, or nothing.
func oddAttention(seed uint64, d int) []testCase {
	lo := []int{-3, 0, 0, 0, 0, 5, 5, 5, 8, 8, 8, 8, 8}
	hi := []int{1, 2, 3, 4, 5, 6, 7, 7, 9, 10, 10, 12, 99} // token 10 does not see itself
	lo[7] = 9                                              // no keys
	return attentionCase(seed, 4, 2, d, lo, hi)
}

// windowedAttention has windows that end beyond both edges, more tokens than a tile has rows, tiles of keys that nobody
// sees, and queries without keys.
func windowedAttention() []testCase {
	var lo, hi []int
	for i := range 110 {
		lo, hi = append(lo, i-40), append(hi, i+10)
		if i > 106 {
			lo[i], hi[i] = 99, 90
		}
	}
	return attentionCase(50, 6, 2, 8, lo, hi)
}

// attentionCase is forward and backward with q, k and v in one tensor, where query i sees the keys lo[i] … hi[i]-1.
func attentionCase(seed uint64, heads, kvHeads, d int, lo, hi []int) []testCase {
	r := newDice(seed)
	const scale = 0.25
	t := len(lo)
	stride := (heads+2*kvHeads)*d + 4
	kOff, vOff := heads*d+4, heads*d+4+kvHeads*d
	x, dy := r.vec(t*stride), r.vec(t*heads*d)
	bounds, users := []float64{}, []float64{}
	for i := range t {
		bounds = append(bounds, float64(lo[i]), float64(hi[i]))
	}
	used := func(q, s int) bool { return s >= lo[q] && s < hi[q] }
	for s := range t {
		first, last := t, 0
		for q := range t {
			if used(q, s) {
				first, last = min(first, q), max(last, q+1)
			}
		}
		users = append(users, float64(first), float64(last))
	}
	n := t * heads * d
	y, lse, delta := make([]float64, n), fill(t*heads, math.Inf(-1)), make([]float64, t*heads)
	dq, dkv := fill(t*stride, keep), fill(t*stride, keep)
	zero := func(v []float64) { copy(v, make([]float64, len(v))) }
	for i := range t {
		zero(dq[i*stride : i*stride+heads*d])
		zero(dkv[i*stride+kOff : i*stride+kOff+2*kvHeads*d])
	}
	for q := range t {
		for h := range heads {
			query := x[q*stride+h*d:][:d]
			g := h / (heads / kvHeads)
			key := func(s int) []float64 { return x[s*stride+kOff+g*d:][:d] }
			value := func(s int) []float64 { return x[s*stride+vOff+g*d:][:d] }
			row := q*heads + h
			sum := 0.0
			for s := range t {
				if used(q, s) {
					sum += math.Exp(scale * dot(query, key(s)))
				}
			}
			if sum > 0 {
				lse[row] = math.Log(sum)
			}
			out, grad := y[row*d:][:d], dy[row*d:][:d]
			for s := range t {
				if used(q, s) {
					axpy(out, math.Exp(scale*dot(query, key(s)))/sum, value(s))
				}
			}
			delta[row] = dot(grad, out)
			for s := range t {
				if !used(q, s) {
					continue
				}
				prob := math.Exp(scale*dot(query, key(s)) - lse[row])
				ds := scale * prob * (dot(grad, value(s)) - delta[row])
				axpy(dq[q*stride+h*d:][:d], ds, key(s))
				axpy(dkv[s*stride+kOff+g*d:][:d], ds, query)
				axpy(dkv[s*stride+vOff+g*d:][:d], prob, grad)
			}
		}
	}
	size := kernel.Attention{T: uint32(t), S: uint32(t), Heads: uint32(heads), KVHeads: uint32(kvHeads), D: uint32(d),
		QStride: uint32(stride), KVStride: uint32(stride), KOff: uint32(kOff), VOff: uint32(vOff), Scale: scale}
	// Scores reach 4·d/4 in size: exp doubles their error, 2·d units, and sums are of t terms.
	tol := float64(4*d+2*t+40) * eps
	return []testCase{
		{"attention", size, []array{f32(x), f32(x), i32(bounds...)}, []array{blank(n), blank(t * heads)},
			[][]float64{y, lse}, tol},
		{"attention_back_q", kernel.AttentionBackQ(size), []array{f32(dy), f32(y), f32(lse), f32(x), i32(bounds...)},
			[]array{blank(t * stride), blank(t * heads)}, [][]float64{dq, delta}, 4 * tol},
		{"attention_back_kv", kernel.AttentionBackKV(size), []array{f32(dy), f32(lse), f32(delta), f32(x), i32(users...)},
			[]array{blank(t * stride)}, [][]float64{dkv}, 4 * tol},
	}
}

const cachedHead = 8 // head size of cachedAttention

func cachedSizes(t, s int) kernel.Attention {
	return kernel.Attention{T: uint32(t), S: uint32(s), Heads: 1, KVHeads: 1, D: cachedHead, QStride: cachedHead,
		KVStride: 2 * cachedHead, VOff: cachedHead, Scale: 1}
}

// cachedAttention is t new tokens over a cache of s keys, these among them: more than a workgroup has lanes.
func cachedAttention(t, s int) testCase {
	r := newDice(20)
	const d = cachedHead
	q, kv := r.vec(t*d), r.vec(s*2*d)
	bounds := []float64{}
	y, lse := make([]float64, t*d), make([]float64, t)
	for i := range t {
		sum, hi := 0.0, s-t+1+i
		bounds = append(bounds, 0, float64(hi))
		for k := range hi {
			e := math.Exp(dot(q[i*d:][:d], kv[k*2*d:][:d]))
			sum += e
			axpy(y[i*d:][:d], e, kv[k*2*d+d:][:d])
		}
		for c := range d {
			y[i*d+c] /= sum
		}
		lse[i] = math.Log(sum)
	}
	// Scores have sums of d terms, twice in exp; errors of random sign in sums of s terms grow with the root of s.
	tol := (2*math.Sqrt(float64(s)) + 4*4*d) * eps
	return testCase{"attention over a cache", cachedSizes(t, s), []array{f32(q), f32(kv), i32(bounds...)},
		[]array{blank(t * d), blank(t)}, [][]float64{y, lse}, tol}
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func axpy(y []float64, k float64, x []float64) {
	for i := range y {
		y[i] += k * x[i]
	}
}
