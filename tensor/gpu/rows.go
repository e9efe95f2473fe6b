package gpu

import "github.com/vulora/vulora/tensor/kernel"

// tableTypes are the storage types of a table of rows.
var tableTypes = []kernel.DType{kernel.F32, kernel.F16, kernel.BF16, kernel.I8}

// rowKernels: shaders/gather_rows.comp, scatter_rows.comp, swiglu.comp, argmax.comp.
var rowKernels = []lowerer{
	entry[kernel.GatherRows]{
		operands: func(s kernel.GatherRows) (out, in []operand) {
			in = []operand{stored("table", s.Count, s.Cols, tableTypes), ints("index", s.Rows),
				optional(s.Scaled, floats("scale", 1))}
			return []operand{floats("y", s.Rows, s.Cols)}, in
		},
		flops:    func(s kernel.GatherRows) float64 { return float64(s.Rows) * float64(s.Cols) },
		variants: perElement(func(s kernel.GatherRows) uint64 { return product(s.Rows, s.Cols) }),
	},
	entry[kernel.ScatterRows]{
		operands: func(s kernel.ScatterRows) (out, in []operand) {
			return []operand{floats("y", s.Count, s.Cols)}, []operand{floats("x", s.Rows, s.Cols), ints("index", s.Rows)}
		},
		flops: func(s kernel.ScatterRows) float64 { return float64(s.Rows) * float64(s.Count) * float64(s.Cols) },
		variants: []variant[kernel.ScatterRows]{{work: func(_ traits, s kernel.ScatterRows) work {
			return work{items: product(s.Count, s.Cols), turns: uint64(s.Rows)}
		}}},
	},
	entry[kernel.SwiGLU]{
		operands: func(s kernel.SwiGLU) (out, in []operand) {
			return []operand{floats("y", s.T, s.F)}, []operand{floats("x", s.T, 2, s.F)}
		},
		variants: perElement(func(s kernel.SwiGLU) uint64 { return product(s.T, s.F) }),
	},
	entry[kernel.SwiGLUBack]{
		operands: func(s kernel.SwiGLUBack) (out, in []operand) {
			return []operand{floats("dx", s.T, 2, s.F)}, []operand{floats("dy", s.T, s.F), floats("x", s.T, 2, s.F)}
		},
		variants: perElement(func(s kernel.SwiGLUBack) uint64 { return product(s.T, s.F) }),
	},
	entry[kernel.ArgMax]{
		operands: func(s kernel.ArgMax) (out, in []operand) {
			return []operand{ints("y", s.Rows)}, []operand{floats("x", s.Rows, s.Cols)}
		},
		variants: perItem(func(s kernel.ArgMax) (uint32, uint64) { return s.Rows, ceil(s.Cols, chunk) }),
	},
}
