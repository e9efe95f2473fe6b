package gpu

import "github.com/vulora/vulora/tensor/kernel"

var peakKernels = []lowerer{
	entry[kernel.Peak]{
		operands: func(s kernel.Peak) (out, in []operand) { return []operand{floats("y", s.Items)}, nil },
		flops: func(s kernel.Peak) float64 {
			return 2 * kernel.PeakOps * float64(s.Turns) * float64(s.Items)
		},
		variants: []variant[kernel.Peak]{{
			work: func(_ traits, s kernel.Peak) work { return work{items: uint64(s.Items), turns: uint64(s.Turns)} },
		}},
	},
}
