package cpu

import (
	"math"

	"github.com/vulora/vulora/tensor/kernel"
)

// adafactorMeans sums rows in float64, then blocks of columns, each row by row.
func adafactorMeans(b *builder, s kernel.AdafactorMeans) func() {
	b.want(2, 2)
	if b.err != nil {
		return nil
	}
	row, col := b.f32("row", b.l.Out[0], uint64(s.Rows)), b.f32("col", b.l.Out[1], uint64(s.Cols))
	g, hyper := b.f32("g", b.l.In[0], times(s.Rows, s.Cols)), b.f32("hyper", b.l.In[1], kernel.HyperLen)
	if !b.ok() {
		return nil
	}
	const block = 64 // columns
	cols, pool := int(s.Cols), b.p.d.pool
	mix := func(old float32, sum float64, n int) float32 {
		mean := float32(sum/float64(n)) + hyper[kernel.HyperEps]
		return hyper[kernel.HyperBeta2]*old + hyper[kernel.HyperRest2]*mean
	}
	rows := b.shortRows(s.Rows, s.Cols, func(i int) {
		sum := 0.0
		for _, v := range g[i*cols : (i+1)*cols] {
			sum += float64(v) * float64(v)
		}
		row[i] = mix(row[i], sum, cols)
	})
	columns := func(i int, _ *worker) {
		var sums [block]float64
		first := i * block
		n := min(block, cols-first)
		for r := range row {
			for j, v := range g[r*cols+first:][:n] {
				sums[j] += float64(v) * float64(v)
			}
		}
		for j, sum := range sums[:n] {
			col[first+j] = mix(col[first+j], sum, len(row))
		}
	}
	return func() {
		rows()
		pool.each((cols+block-1)/block, columns)
	}
}

// shortRows returns a closure that calls item for each of rows, as many at once as have about elementBlock elements.
func (b *builder) shortRows(rows, cols uint32, item func(i int)) func() {
	pool, total, many := b.p.d.pool, int(rows), max(1, elementBlock/int(max(1, cols)))
	some := func(k int, _ *worker) {
		for i := k * many; i < min(total, (k+1)*many); i++ {
			item(i)
		}
	}
	return func() { pool.each((total+many-1)/many, some) }
}

func adafactorParts(b *builder, s kernel.AdafactorParts) func() {
	b.want(1, 4)
	if b.err != nil {
		return nil
	}
	n, cols := times(s.Rows, s.Cols), int(s.Cols)
	part := b.f32("part", b.l.Out[0], times(s.Rows, 3))
	p, g := b.f32("p", b.l.In[0], n), b.f32("g", b.l.In[1], n)
	row, col := b.f32("row", b.l.In[2], uint64(s.Rows)), b.f32("col", b.l.In[3], uint64(s.Cols))
	if !b.ok() {
		return nil
	}
	return b.shortRows(s.Rows, s.Cols, func(i int) {
		var updates, values float64
		root := math.Sqrt(float64(row[i]))
		p, g := p[i*cols:(i+1)*cols], g[i*cols:(i+1)*cols]
		for j, c := range col {
			u := float64(g[j]) / (root * math.Sqrt(float64(c)))
			updates += u * u
			values += float64(p[j]) * float64(p[j])
		}
		part[3*i], part[3*i+1], part[3*i+2] = float32(updates), float32(values), row[i]
	})
}

func adafactorRate(b *builder, s kernel.AdafactorRate) func() {
	b.want(1, 2)
	if b.err != nil {
		return nil
	}
	rate := b.f32("rate", b.l.Out[0], 2)
	part, hyper := b.f32("part", b.l.In[0], times(s.Rows, 3)), b.f32("hyper", b.l.In[1], kernel.HyperLen)
	if !b.ok() {
		return nil
	}
	n := float64(s.Rows) * float64(s.Cols)
	return func() {
		var updates, values, rows float64
		for i := 0; i < len(part); i += 3 {
			updates, values, rows = updates+float64(part[i]), values+float64(part[i+1]), rows+float64(part[i+2])
		}
		lr := float64(hyper[kernel.HyperLR])
		if least := float64(hyper[kernel.HyperLeast]); least > 0 {
			lr *= max(least, math.Sqrt(values/n))
		}
		mean := rows / float64(s.Rows)
		large := math.Sqrt(mean*updates/n) / float64(hyper[kernel.HyperClip])
		rate[0], rate[1] = float32(lr*math.Sqrt(mean)/max(1, large)), float32(lr)
	}
}

func adafactorStep(b *builder, s kernel.AdafactorStep) func() {
	b.want(1, 5)
	if b.err != nil {
		return nil
	}
	return adafactorChange(b, s, nil)
}

func adafactorMomentum(b *builder, s kernel.AdafactorMomentum) func() {
	b.want(2, 5)
	if b.err != nil {
		return nil
	}
	return adafactorChange(b, kernel.AdafactorStep(s), b.f32("m", b.l.Out[1], times(s.Rows, s.Cols)))
}

// adafactorChange is AdafactorStep, or with m AdafactorMomentum.
func adafactorChange(b *builder, s kernel.AdafactorStep, m []float32) func() {
	n, cols, momentum := times(s.Rows, s.Cols), int(s.Cols), len(b.l.Out) > 1
	p, g := b.f32("p", b.l.Out[0], n), b.f32("g", b.l.In[0], n)
	row, col := b.f32("row", b.l.In[1], uint64(s.Rows)), b.f32("col", b.l.In[2], uint64(s.Cols))
	rate, hyper := b.f32("rate", b.l.In[3], 2), b.f32("hyper", b.l.In[4], kernel.HyperLen)
	if !b.ok() {
		return nil
	}
	return b.shortRows(s.Rows, s.Cols, func(i int) {
		keep, root := float32(1), math.Sqrt(float64(row[i]))
		if s.Decay != 0 {
			keep -= hyper[kernel.HyperDecay] * rate[1]
		}
		for j, c := range col {
			at := i*cols + j
			u := rate[0] * float32(float64(g[at])/(root*math.Sqrt(float64(c))))
			if momentum {
				u = hyper[kernel.HyperBeta1]*m[at] + hyper[kernel.HyperRest1]*u
				m[at] = u
			}
			p[at] = p[at]*keep - u
		}
	})
}
