package cpu

import "unsafe"

// A rounding makes a copy of an operand in bfloat16 before the items of a launch run, in scratch that all workers see:
// each row of it is packed several times. Heads of an odd size are padded with a zero.
type rounding struct {
	from        part
	to          *part
	off         int // elements of shared scratch before it
	heads       int
	first, last int // rows of this run
	item        func(i int, w *worker)
}

// pair lets products multiply pairs of bfloat16.
func (a *heads) pair(b *builder) {
	a.pairs, a.tile, a.depth = true, b.v.bf16.tile, (a.d+1)/2
	off := 0
	for _, x := range []struct {
		to          *part
		rows, heads int
	}{{&a.q, a.t, a.h}, {&a.k, a.s, a.h / a.g}, {&a.val, a.s, a.h / a.g}, {&a.dy, a.t, a.h}} {
		if x.to.row == 0 {
			continue // no gradient, or no elements
		}
		r := &rounding{from: *x.to, to: x.to, off: off, heads: x.heads}
		r.item = func(i int, _ *worker) { a.roundRows(r, r.first+i*rowBlock, min(r.last, r.first+(i+1)*rowBlock)) }
		a.rounds = append(a.rounds, r)
		*x.to = part{row: 4 * a.depth * x.heads, head: 4 * a.depth}
		off += a.depth * x.heads * x.rows
	}
	b.shared = max(b.shared, off)
}

// round makes the copies of all queries and of keys lo … hi−1.
func (a *heads) round(d *Device, lo, hi int) {
	for _, r := range a.rounds {
		r.to.p, r.first, r.last = address(d.shared, r.off), 0, a.t
		if r.to == &a.k || r.to == &a.val {
			r.first, r.last = lo, hi
		}
		d.pool.each((r.last-r.first+rowBlock-1)/rowBlock, r.item)
	}
}

func (a *heads) roundRows(x *rounding, first, last int) {
	narrow := a.v.bf16.narrow
	for r := first; r < last; r++ {
		if n := a.d * x.heads; a.d%2 == 0 {
			narrow(elements[uint16](x.to.at(r, 0), n), elements[float32](x.from.at(r, 0), n))
			continue
		}
		for h := range x.heads {
			row := elements[uint16](x.to.at(r, h), a.d+1)
			row[a.d] = 0
			narrow(row[:a.d], elements[float32](x.from.at(r, h), a.d))
		}
	}
}

// left makes n columns of scores, whose rows are keyBlock elements apart, the left factor of a product over them, and
// returns it with its elements or pairs from one row to the next. Pairs go to low; the last is padded with what
// follows, which must be zero.
func (a *heads) left(low, scores []float32, rows, n int) (p unsafe.Pointer, rs int) {
	if !a.pairs {
		return address(scores, 0), keyBlock
	}
	n += n % 2
	for r := range rows {
		a.v.bf16.narrow(elements[uint16](address(low, r*keyBlock/2), n), scores[r*keyBlock:][:n])
	}
	return address(low, 0), keyBlock / 2
}
