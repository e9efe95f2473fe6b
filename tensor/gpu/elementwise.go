package gpu

import "github.com/vulora/vulora/tensor/kernel"

// elementKernels: shaders/elementwise.comp, dropout.comp.
var elementKernels = []lowerer{
	entry[kernel.Add]{
		operands: func(s kernel.Add) (out, in []operand) {
			return []operand{floats("a", s.N)}, []operand{floats("b", s.N)}
		},
		variants: perElement(func(s kernel.Add) uint64 { return uint64(s.N) }),
	},
	entry[kernel.AddBias]{
		check: func(s kernel.AddBias) error { return inRow("x", s.Off, s.N, s.Stride) },
		operands: func(s kernel.AddBias) (out, in []operand) {
			return []operand{strided("x", s.T, s.Stride, s.Off, s.N)}, []operand{floats("b", s.N)}
		},
		variants: perElement(func(s kernel.AddBias) uint64 { return product(s.T, s.N) }),
	},
	entry[kernel.Scale]{
		operands: func(s kernel.Scale) (out, in []operand) { return []operand{floats("x", s.N)}, nil },
		variants: perElement(func(s kernel.Scale) uint64 { return uint64(s.N) }),
	},
	entry[kernel.Copy]{
		operands: func(s kernel.Copy) (out, in []operand) {
			word := func(name string) []operand { return []operand{{name: name, elems: uint64(s.N), word: true}} }
			return word("y"), word("x")
		},
		variants: perElement(func(s kernel.Copy) uint64 { return uint64(s.N) }),
	},
	entry[kernel.Accumulate]{
		operands: func(s kernel.Accumulate) (out, in []operand) {
			return []operand{floats("sum", s.N)}, []operand{floats("g", s.N), floats("keep", 1)}
		},
		variants: perElement(func(s kernel.Accumulate) uint64 { return uint64(s.N) }),
	},
	entry[kernel.Dropout]{
		operands: func(s kernel.Dropout) (out, in []operand) {
			return []operand{floats("y", s.N)}, []operand{floats("x", s.N), ints("key", 3)}
		},
		variants: perElement(func(s kernel.Dropout) uint64 { return ceil(s.N, 2) }),
	},
	entry[kernel.Noise]{
		operands: func(s kernel.Noise) (out, in []operand) {
			return []operand{floats("x", s.Rows, s.Cols)}, []operand{ints("key", 3), floats("amplitude", s.Rows)}
		},
		variants: perElement(func(s kernel.Noise) uint64 { return (product(s.Rows, s.Cols) + 1) / 2 }),
	},
}
