package cpu

import (
	"math"

	"github.com/vulora/vulora/tensor/kernel"
)

// rowBlock is the number of rows in one item of a loop over rows of about a thousand elements.
const rowBlock = 8

// eachRow returns a closure that calls row for 0 … n−1 on the pool.
func (b *builder) eachRow(n uint32, row func(r int, w *worker)) func() {
	pool, total := b.p.d.pool, int(n)
	item := func(i int, w *worker) {
		for r := i * rowBlock; r < min(total, (i+1)*rowBlock); r++ {
			row(r, w)
		}
	}
	return func() { pool.each((total+rowBlock-1)/rowBlock, item) }
}

func inverseRMS(v *isa, x []float32, eps float32) float32 {
	return float32(1 / math.Sqrt(float64(v.dot(x, x))/float64(len(x))+float64(eps)))
}

func rmsNorm(b *builder, s kernel.RMSNorm) func() {
	b.want(2, 2)
	if b.err != nil {
		return nil
	}
	n, c, v := times(s.Rows, s.Cols), int(s.Cols), b.v
	y, rs := b.f32("y", b.l.Out[0], n), b.f32("r", b.l.Out[1], uint64(s.Rows))
	x, w := b.f32("x", b.l.In[0], n), b.f32("w", b.l.In[1], uint64(s.Cols))
	if !b.ok() {
		return nil
	}
	return b.eachRow(s.Rows, func(i int, _ *worker) {
		xi := x[i*c : (i+1)*c]
		r := inverseRMS(v, xi, s.Eps)
		v.mulScale(y[i*c:(i+1)*c], xi, w, r)
		rs[i] = r
	})
}

func addRMSNorm(b *builder, s kernel.AddRMSNorm) func() {
	b.want(3, 3)
	if b.err != nil {
		return nil
	}
	n, c, v := times(s.Rows, s.Cols), int(s.Cols), b.v
	h, y := b.f32("h", b.l.Out[0], n), b.f32("y", b.l.Out[1], n)
	rs := b.f32("r", b.l.Out[2], uint64(s.Rows))
	x, d := b.f32("x", b.l.In[0], n), b.f32("d", b.l.In[1], n)
	w := b.f32("w", b.l.In[2], uint64(s.Cols))
	if !b.ok() {
		return nil
	}
	return b.eachRow(s.Rows, func(i int, _ *worker) {
		hi := h[i*c : (i+1)*c]
		v.sum(hi, x[i*c:(i+1)*c], d[i*c:(i+1)*c])
		r := inverseRMS(v, hi, s.Eps)
		v.mulScale(y[i*c:(i+1)*c], hi, w, r)
		rs[i] = r
	})
}

func rmsNormBack(b *builder, s kernel.RMSNormBack) func() {
	b.want(1, 4+int(min(s.Add, 1)))
	if b.err != nil {
		return nil
	}
	n, c, v := times(s.Rows, s.Cols), int(s.Cols), b.v
	dx := b.f32("dx", b.l.Out[0], n)
	dy, x := b.f32("dy", b.l.In[0], n), b.f32("x", b.l.In[1], n)
	w, rs := b.f32("w", b.l.In[2], uint64(s.Cols)), b.f32("r", b.l.In[3], uint64(s.Rows))
	var dh []float32
	if s.Add != 0 {
		dh = b.f32("dh", b.l.In[4], n)
	}
	if !b.ok() {
		return nil
	}
	return b.eachRow(s.Rows, func(i int, _ *worker) {
		dyi, xi, out, r := dy[i*c:(i+1)*c], x[i*c:(i+1)*c], dx[i*c:(i+1)*c], rs[i]
		mean := v.dot3(xi, dyi, w) / float32(c)
		v.normBack(out, dyi, xi, w, r, r*r*r*mean)
		if dh != nil {
			v.sum(out, out, dh[i*c:(i+1)*c])
		}
	})
}

func rmsNormBackWeight(b *builder, s kernel.RMSNormBackWeight) func() {
	b.want(1, 3)
	if b.err != nil {
		return nil
	}
	n, c := times(s.Rows, s.Cols), int(s.Cols)
	dw := b.f32("dw", b.l.Out[0], uint64(s.Cols))
	dy, x := b.f32("dy", b.l.In[0], n), b.f32("x", b.l.In[1], n)
	rs := b.f32("r", b.l.In[2], uint64(s.Rows))
	if !b.ok() {
		return nil
	}
	return b.sumOverRows(dw, int(s.Rows), func(acc []float32, row, col int) {
		d, v, r := dy[row*c+col:][:len(acc)], x[row*c+col:][:len(acc)], rs[row]
		for i := range acc {
			acc[i] += d[i] * v[i] * r
		}
	})
}

// sumOverRows returns a closure that fills out with sums over rows; addRow adds the columns from col on of one row.
// Sums of 32 rows are made first and then summed, which bounds the error by that of about rows/32 + 32 additions.
func (b *builder) sumOverRows(out []float32, rows int, addRow func(acc []float32, row, col int)) func() {
	const width, chunk = 256, 32
	b.each = max(b.each, width)
	pool, v := b.p.d.pool, b.v
	item := func(i int, w *worker) {
		y := out[i*width : min(len(out), (i+1)*width)]
		acc := w.scratch[:len(y)]
		clear(y)
		for r := 0; r < rows; r += chunk {
			clear(acc)
			for q := r; q < min(rows, r+chunk); q++ {
				addRow(acc, q, i*width)
			}
			v.sum(y, y, acc)
		}
	}
	return func() { pool.each((len(out)+width-1)/width, item) }
}
