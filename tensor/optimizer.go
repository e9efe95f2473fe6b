package tensor

import "github.com/vulora/vulora/tensor/kernel"

// The optimizer's steps are not ops: nothing is differentiated through them, and they change tensors in place. Each is
// one launch over a whole slab.

// Accumulate records sum = g where keep[0] is 0, and sum += g elsewhere.
//
//	sum, g: [N]   keep: [1]
func Accumulate(r *Recorder, sum, g, keep *Tensor) {
	r.Run(kernel.Accumulate{N: u32(sum.Len())}, vs(r.Bind(sum)), vs(r.Bind(g), r.Bind(keep)))
}

// ClipNorm records stats = (‖g‖₂, clipping coefficient, 1 if an element is not finite, 0) and then g *= coefficient.
//
//	g: [N]   stats: [4]   hyper: [kernel.HyperLen]
func ClipNorm(r *Recorder, g, stats, hyper *Tensor) {
	n := u32(g.Len())
	r.Run(kernel.GradNorm{N: n}, vs(r.Bind(stats)), vs(r.Bind(g), r.Bind(hyper)))
	r.Run(kernel.Clip{N: n}, vs(r.Bind(g)), vs(r.Bind(stats)))
}

// AdamW records one step of AdamW for p with gradient g and moments m and v. The first decay elements have weight
// decay.
//
//	p, g, m, v: [N]   hyper: [kernel.HyperLen]
func AdamW(r *Recorder, p, g, m, v, hyper *Tensor, decay int) {
	r.Run(kernel.AdamW{N: u32(p.Len()), Decay: u32(decay)}, vs(r.Bind(p), r.Bind(m), r.Bind(v)),
		vs(r.Bind(g), r.Bind(hyper)))
}
