package gpu

import "github.com/vulora/vulora/tensor/kernel"

// normKernels: shaders/rmsnorm.comp.
var normKernels = []lowerer{
	entry[kernel.RMSNorm]{
		operands: func(s kernel.RMSNorm) (out, in []operand) {
			return []operand{floats("y", s.Rows, s.Cols), floats("r", s.Rows)},
				[]operand{floats("x", s.Rows, s.Cols), floats("w", s.Cols)}
		},
		variants: perItem(func(s kernel.RMSNorm) (uint32, uint64) { return s.Rows, 2 * uint64(s.Cols) }),
	},
	entry[kernel.AddRMSNorm]{
		operands: func(s kernel.AddRMSNorm) (out, in []operand) {
			return []operand{floats("h", s.Rows, s.Cols), floats("y", s.Rows, s.Cols), floats("r", s.Rows)},
				[]operand{floats("x", s.Rows, s.Cols), floats("d", s.Rows, s.Cols), floats("w", s.Cols)}
		},
		variants: perItem(func(s kernel.AddRMSNorm) (uint32, uint64) { return s.Rows, 2 * uint64(s.Cols) }),
	},
	entry[kernel.RMSNormBack]{
		operands: func(s kernel.RMSNormBack) (out, in []operand) {
			in = []operand{floats("dy", s.Rows, s.Cols), floats("x", s.Rows, s.Cols), floats("w", s.Cols),
				floats("r", s.Rows), optional(s.Add, floats("dh", s.Rows, s.Cols))}
			return []operand{floats("dx", s.Rows, s.Cols)}, in
		},
		variants: perItem(func(s kernel.RMSNormBack) (uint32, uint64) { return s.Rows, 2 * uint64(s.Cols) }),
	},
	entry[kernel.RMSNormBackWeight]{
		operands: func(s kernel.RMSNormBackWeight) (out, in []operand) {
			return []operand{floats("dw", s.Cols)},
				[]operand{floats("dy", s.Rows, s.Cols), floats("x", s.Rows, s.Cols), floats("r", s.Rows)}
		},
		variants: perItem(func(s kernel.RMSNormBackWeight) (uint32, uint64) { return s.Cols, uint64(s.Rows) }),
	},
}

// perItem returns the variants of a kernel that reduces the terms of each of some items: by a workgroup, or else by one
// invocation, whose loops then take so many turns.
func perItem[S kernel.Sizes](size func(s S) (items uint32, turns uint64)) []variant[S] {
	of := func(t traits, s S) work {
		items, turns := size(s)
		return work{items: uint64(items), turns: turns}
	}
	return []variant[S]{{words: "group", needs: sharing, work: of}, {work: of}}
}

// perElement returns the one variant of a kernel that computes each of count elements by itself.
func perElement[S kernel.Sizes](count func(s S) uint64) []variant[S] {
	return []variant[S]{{work: func(t traits, s S) work { return work{items: count(s), loops: true} }}}
}
