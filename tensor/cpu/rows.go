package cpu

import (
	"github.com/vulora/vulora/tensor/kernel"
)

func gatherRows(b *builder, s kernel.GatherRows) func() {
	scales := b.scales(0)
	b.want(1, 2+scales+int(min(s.Scaled, 1)))
	if b.err != nil {
		return nil
	}
	y := b.f32("y", b.l.Out[0], times(s.Rows, s.Cols))
	if t := b.l.In[0].DType; t == kernel.NF4 || t == kernel.FP4 {
		b.fail("table: want f32, f16, bf16 or int8, had %v", t)
	}
	table := b.weight("table", b.l.In, s.Count, s.Cols)
	index := b.i32("index", b.l.In[1+scales], uint64(s.Rows))
	var factor []float32
	if s.Scaled != 0 {
		factor = b.f32("scale", b.l.In[2+scales], 1)
	}
	if !b.ok() {
		return nil
	}
	v, c := b.v, int(s.Cols)
	return b.eachRow(s.Rows, func(r int, _ *worker) {
		out, at := y[r*c:(r+1)*c], int64(index[r])
		switch {
		case at < 0 && s.First == 0:
			clear(out)
		case at >= int64(s.First) && at < int64(s.First)+int64(s.Count):
			v.tableRow(out, table, int(at-int64(s.First)))
			if factor != nil {
				v.scale(out, factor[0])
			}
		}
	})
}

// tableRow writes one row of a table as float32.
func (v *isa) tableRow(out []float32, table weight, row int) {
	if !table.dtype.Quantized() {
		v.widen[table.dtype](out, table.at(row, 0))
		return
	}
	v.codesOf(table.dtype).widen(out, table.at(row, 0))
	v.scale(out, table.scale(row, 0))
}

// scatterRows gives each item a block of the table, which looks through all indices.
func scatterRows(b *builder, s kernel.ScatterRows) func() {
	const block = 1024
	b.want(1, 2)
	if b.err != nil {
		return nil
	}
	y := b.f32("y", b.l.Out[0], times(s.Count, s.Cols))
	x, index := b.f32("x", b.l.In[0], times(s.Rows, s.Cols)), b.i32("index", b.l.In[1], uint64(s.Rows))
	if !b.ok() {
		return nil
	}
	v, c, count, pool := b.v, int(s.Cols), int(s.Count), b.p.d.pool
	item := func(i int, _ *worker) {
		first, last := i*block, min(count, (i+1)*block)
		clear(y[first*c : last*c])
		for r, at := range index {
			if at := int(at); at >= first && at < last {
				row := y[at*c : (at+1)*c]
				v.sum(row, row, x[r*c:(r+1)*c])
			}
		}
	}
	return func() { pool.each((count+block-1)/block, item) }
}

func cacheWrite(b *builder, s kernel.CacheWrite) func() {
	b.want(1, 2)
	if b.err != nil {
		return nil
	}
	b.inside("x", uint64(s.Cols), s.Off, s.Stride)
	if s.Cols == 0 {
		b.fail("want columns, had none")
		return nil
	}
	places := max(b.l.Out[0].Bytes, 0) / 4 / int64(s.Cols)
	cache := b.f32("cache", b.l.Out[0], uint64(places)*uint64(s.Cols))
	x := b.f32("x", b.l.In[0], strided(s.T, s.Cols, s.Stride, s.Off))
	slot := b.i32("slot", b.l.In[1], uint64(s.T))
	if !b.ok() {
		return nil
	}
	c, stride, off, faults := int(s.Cols), int(s.Stride), int(s.Off), &b.p.fault
	// In order: two tokens of one slot leave the later one.
	return func() {
		for t, at := range slot {
			if int64(at) >= places {
				faults.report("want slots below %d, had %d for token %d", places, at, t)
			} else if at >= 0 {
				copy(cache[int(at)*c:(int(at)+1)*c], x[t*stride+off:])
			}
		}
	}
}

func sumRows(b *builder, s kernel.SumRows) func() {
	b.want(1, 1)
	if b.err != nil {
		return nil
	}
	b.inside("x", uint64(s.N), s.Off, s.Stride)
	y := b.f32("y", b.l.Out[0], uint64(s.N))
	x := b.f32("x", b.l.In[0], strided(s.T, s.N, s.Stride, s.Off))
	if !b.ok() {
		return nil
	}
	v, stride, off := b.v, int(s.Stride), int(s.Off)
	return b.sumOverRows(y, int(s.T), func(acc []float32, row, col int) {
		v.sum(acc, acc, x[row*stride+off+col:][:len(acc)])
	})
}

func addBias(b *builder, s kernel.AddBias) func() {
	b.want(1, 1)
	if b.err != nil {
		return nil
	}
	b.inside("x", uint64(s.N), s.Off, s.Stride)
	x := b.f32("x", b.l.Out[0], strided(s.T, s.N, s.Stride, s.Off))
	bias := b.f32("b", b.l.In[0], uint64(s.N))
	if !b.ok() {
		return nil
	}
	v, n, stride, off := b.v, int(s.N), int(s.Stride), int(s.Off)
	if n == 0 {
		return func() {}
	}
	return b.eachRow(s.T, func(t int, _ *worker) {
		row := x[t*stride+off:][:n]
		v.sum(row, row, bias)
	})
}
