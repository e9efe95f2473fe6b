package cpu

import "github.com/vulora/vulora/tensor/kernel"

// argMax finds the largest element of each block of a row, NaN where there is one, and then looks for it in the first
// block that has it.
func argMax(b *builder, s kernel.ArgMax) func() {
	const block = 1 << 13 // elements: 32 KiB, a small first-level cache
	b.want(1, 1)
	if b.err != nil {
		return nil
	}
	if s.Cols == 0 && s.Rows != 0 {
		b.fail("want columns, had none")
	}
	y := b.i32("y", b.l.Out[0], uint64(s.Rows))
	x := b.f32("x", b.l.In[0], times(s.Rows, s.Cols))
	if !b.ok() {
		return nil
	}
	v, c, pool := b.v, int(s.Cols), b.p.d.pool
	blocks := (c + block - 1) / block
	part := func(row, i int) []float32 { return x[row*c+i*block : row*c+min(c, (i+1)*block)] }
	most := make([]float32, len(y)*blocks)
	item := func(i int, _ *worker) {
		p := part(i/blocks, i%blocks)
		if squares := v.dot(p, p); squares != squares { // a sum of squares is NaN if one of them is
			most[i] = squares
		} else {
			most[i] = v.largest(p)
		}
	}
	return func() {
		pool.each(len(most), item)
		for row := range y {
			best := 0
			for i, m := range most[row*blocks:][:blocks] {
				if m != m {
					best = i
					break
				}
				if m > most[row*blocks+best] {
					best = i
				}
			}
			y[row] = int32(best*block + indexOf(part(row, best), most[row*blocks+best]))
		}
	}
}

// indexOf is the place of the first element that is v, or NaN if v is, and 0 if there is none.
func indexOf(x []float32, v float32) int {
	for i, e := range x {
		if e == v || e != e && v != v {
			return i
		}
	}
	return 0
}
