package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// The optimizer's steps are not ops: nothing is differentiated through them, and they change tensors in place. Each is
// one launch over a whole slab, or one for each part of it that an operand may span.

// tiles calls f for the parts of n elements.
func tiles(r *Recorder, n int, f func(first, count int)) {
	step := r.rowsPerOperand(n, 4)
	for first := 0; first < n; first += step {
		f(first, min(step, n-first))
	}
}

// Accumulate records sum = g where keep[0] is 0, and sum += g elsewhere.
//
//	sum, g: [N]   keep: [1]
func Accumulate(r *Recorder, sum, g, keep *Tensor) {
	s, v := r.Bind(sum), r.Bind(g)
	tiles(r, sum.Len(), func(first, n int) {
		r.Run(kernel.Accumulate{N: u32(n)}, vs(r.Slice(s, first, n)), vs(r.Slice(v, first, n), r.Bind(keep)))
	})
}

// ClipNorm records stats = (‖g‖₂, clipping coefficient, 1 if an element is not finite, 0) and then g *= coefficient.
// g must fit one operand.
//
//	g: [N]   stats: [4]   hyper: [kernel.HyperLen]
func ClipNorm(r *Recorder, g, stats, hyper *Tensor) {
	n := g.Len()
	if most := r.rowsPerOperand(n, 4); most < n {
		r.Fail(fmt.Errorf("gradient norm: want at most %d parameters on %s, have %d: take a lower rank or fewer targets",
			most, r.info.Name, n))
	}
	r.Run(kernel.GradNorm{N: u32(n)}, vs(r.Bind(stats)), vs(r.Bind(g), r.Bind(hyper)))
	r.Run(kernel.Clip{N: u32(n)}, vs(r.Bind(g)), vs(r.Bind(stats)))
}

// AdamW records one step of AdamW for p with gradient g and moments m and v. The first decay elements have weight
// decay.
//
//	p, g, m, v: [N]   hyper: [kernel.HyperLen]
func AdamW(r *Recorder, p, g, m, v, hyper *Tensor, decay int) {
	slabs := vs(r.Bind(p), r.Bind(m), r.Bind(v), r.Bind(g))
	tiles(r, p.Len(), func(first, n int) {
		part := make([]*Value, len(slabs))
		for i, s := range slabs {
			part[i] = r.Slice(s, first, n)
		}
		r.Run(kernel.AdamW{N: u32(n), Decay: u32(min(max(decay-first, 0), n))}, part[:3], vs(part[3], r.Bind(hyper)))
	})
}
