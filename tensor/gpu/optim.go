package gpu

import "github.com/vulora/vulora/tensor/kernel"

// optimKernels: shaders/optim.comp.
var optimKernels = []lowerer{
	entry[kernel.GradNorm]{
		operands: func(s kernel.GradNorm) (out, in []operand) {
			return []operand{floats("stats", 4)}, []operand{floats("g", s.N), floats("hyper", kernel.HyperLen)}
		},
		divide: func(t traits, s kernel.GradNorm, l kernel.Launch, scratch kernel.Range) []kernel.Launch {
			first, rest := l, l
			scratch.Bytes = int64(t.parts) * partBytes
			first.Sizes, first.Out, first.In = gradNormParts{s.N, t.parts}, []kernel.Range{scratch}, l.In[:1]
			rest.Sizes, rest.In = gradNormTotal{t.parts}, []kernel.Range{scratch, l.In[1]}
			return []kernel.Launch{first, rest}
		},
	},
	entry[gradNormParts]{
		operands: func(s gradNormParts) (out, in []operand) {
			return []operand{floats("part", s.Parts, 2)}, []operand{floats("g", s.N)}
		},
		variants: perPart(func(s gradNormParts) (n, parts uint32) { return s.N, s.Parts }),
	},
	entry[gradNormTotal]{
		operands: func(s gradNormTotal) (out, in []operand) {
			return []operand{floats("stats", 4)}, []operand{floats("part", s.Parts, 2), floats("hyper", kernel.HyperLen)}
		},
		variants: perItem(func(s gradNormTotal) (uint32, uint64) { return 1, uint64(s.Parts) }),
	},
	entry[kernel.Clip]{
		operands: func(s kernel.Clip) (out, in []operand) {
			return []operand{floats("g", s.N)}, []operand{floats("stats", 4)}
		},
		variants: perElement(func(s kernel.Clip) uint64 { return uint64(s.N) }),
	},
	entry[kernel.AdamW]{
		operands: func(s kernel.AdamW) (out, in []operand) {
			return []operand{floats("p", s.N), floats("m", s.N), floats("v", s.N)},
				[]operand{floats("g", s.N), floats("hyper", kernel.HyperLen)}
		},
		variants: perElement(func(s kernel.AdamW) uint64 { return uint64(s.N) }),
	},
	entry[kernel.SGD]{
		operands: func(s kernel.SGD) (out, in []operand) {
			return []operand{floats("p", s.N)}, []operand{floats("g", s.N), floats("hyper", kernel.HyperLen)}
		},
		variants: perElement(func(s kernel.SGD) uint64 { return uint64(s.N) }),
	},
	entry[kernel.SGDMomentum]{
		operands: func(s kernel.SGDMomentum) (out, in []operand) { return oneMoment(s.N) },
		variants: perElement(func(s kernel.SGDMomentum) uint64 { return uint64(s.N) }),
	},
	entry[kernel.Lion]{
		operands: func(s kernel.Lion) (out, in []operand) { return oneMoment(s.N) },
		variants: perElement(func(s kernel.Lion) uint64 { return uint64(s.N) }),
	},
}

func oneMoment(n uint32) (out, in []operand) {
	return []operand{floats("p", n), floats("m", n)}, []operand{floats("g", n), floats("hyper", kernel.HyperLen)}
}

// gradNormParts is, for the elements g[i], g[i+Parts], g[i+2·Parts], …, the sum of their squares and 1 if one of them
// is NaN or infinite, else 0.
//
//	out part [Parts, 2]   in g [N]
type gradNormParts struct{ N, Parts uint32 }

// gradNormTotal makes the stats of kernel.GradNorm of such parts.
//
//	out stats [4]   in part [Parts, 2], hyper [HyperLen]
type gradNormTotal struct{ Parts uint32 }

func (gradNormParts) Kernel() string { return "grad_norm_parts" }
func (gradNormTotal) Kernel() string { return "grad_norm_total" }
