package gpu

import "github.com/vulora/vulora/tensor/kernel"

// adafactorKernels: shaders/adafactor.comp.
var adafactorKernels = []lowerer{
	entry[kernel.AdafactorMeans]{
		operands: func(s kernel.AdafactorMeans) (out, in []operand) {
			return []operand{floats("row", s.Rows), floats("col", s.Cols)},
				[]operand{floats("g", s.Rows, s.Cols), floats("hyper", kernel.HyperLen)}
		},
		variants: perItem(func(s kernel.AdafactorMeans) (uint32, uint64) {
			return s.Rows + s.Cols, uint64(max(s.Rows, s.Cols))
		}),
	},
	entry[kernel.AdafactorParts]{
		operands: func(s kernel.AdafactorParts) (out, in []operand) {
			return []operand{floats("part", s.Rows, 3)}, []operand{floats("p", s.Rows, s.Cols),
				floats("g", s.Rows, s.Cols), floats("row", s.Rows), floats("col", s.Cols)}
		},
		variants: perItem(func(s kernel.AdafactorParts) (uint32, uint64) { return s.Rows, uint64(s.Cols) }),
	},
	entry[kernel.AdafactorRate]{
		operands: func(s kernel.AdafactorRate) (out, in []operand) {
			return []operand{floats("rate", 2)}, []operand{floats("part", s.Rows, 3), floats("hyper", kernel.HyperLen)}
		},
		variants: perItem(func(s kernel.AdafactorRate) (uint32, uint64) { return 1, uint64(s.Rows) }),
	},
	entry[kernel.AdafactorStep]{
		operands: func(s kernel.AdafactorStep) (out, in []operand) {
			return []operand{floats("p", s.Rows, s.Cols)}, factored(s.Rows, s.Cols)
		},
		variants: perElement(func(s kernel.AdafactorStep) uint64 { return product(s.Rows, s.Cols) }),
	},
	entry[kernel.AdafactorMomentum]{
		operands: func(s kernel.AdafactorMomentum) (out, in []operand) {
			return []operand{floats("p", s.Rows, s.Cols), floats("m", s.Rows, s.Cols)}, factored(s.Rows, s.Cols)
		},
		variants: perElement(func(s kernel.AdafactorMomentum) uint64 { return product(s.Rows, s.Cols) }),
	},
}

// factored are the inputs of a step.
func factored(rows, cols uint32) []operand {
	return []operand{floats("g", rows, cols), floats("row", rows), floats("col", cols), floats("rate", 2),
		floats("hyper", kernel.HyperLen)}
}
