package cpu

import (
	"math"

	"github.com/vulora/vulora/tensor/kernel"
)

// crossEntropy makes three passes over a row, which for the largest vocabularies stays in the second-level cache.
func crossEntropy(b *builder, s kernel.CrossEntropy) func() {
	b.want(2, 2)
	if b.err != nil {
		return nil
	}
	z, loss := b.f32("z", b.l.Out[0], times(s.Rows, s.Cols)), b.f32("loss", b.l.Out[1], uint64(s.Rows))
	label, factor := b.i32("label", b.l.In[0], uint64(s.Rows)), b.f32("scale", b.l.In[1], 1)
	if !b.ok() {
		return nil
	}
	v, c, faults, pool := b.v, int(s.Cols), &b.p.fault, b.p.d.pool
	item := func(i int, _ *worker) {
		row, at := z[i*c:(i+1)*c], int(label[i])
		if at < 0 || at >= c {
			clear(row)
			loss[i] = 0
			if at >= c {
				faults.report("want labels below %d, had %d in row %d", c, at, i)
			}
			return
		}
		correct, top := row[at], v.largest(row)
		total := v.expSum(row, top)
		v.scale(row, factor[0]/total)
		row[at] -= factor[0]
		loss[i] = float32(math.Log(float64(total)) + float64(top) - float64(correct))
	}
	return func() { pool.each(int(s.Rows), item) }
}
