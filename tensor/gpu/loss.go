package gpu

import "github.com/vulora/vulora/tensor/kernel"

// lossKernels: shaders/cross_entropy.comp, reduce.comp.
var lossKernels = []lowerer{
	entry[kernel.CrossEntropy]{
		operands: func(s kernel.CrossEntropy) (out, in []operand) {
			return []operand{floats("z", s.Rows, s.Cols), floats("loss", s.Rows)},
				[]operand{ints("label", s.Rows), floats("scale", 1)}
		},
		variants: perItem(func(s kernel.CrossEntropy) (uint32, uint64) { return s.Rows, 2 * ceil(s.Cols, chunk) }),
	},
	entry[kernel.Sum]{
		operands: func(s kernel.Sum) (out, in []operand) {
			return []operand{floats("y", 1)}, []operand{floats("x", s.N), floats("scale", 1)}
		},
		divide: func(t traits, s kernel.Sum, l kernel.Launch, scratch kernel.Range) []kernel.Launch {
			if s.N <= maxParts {
				return nil
			}
			first, rest := l, l
			scratch.Bytes = int64(t.parts) * 4
			first.Sizes, first.Out, first.In = sumParts{s.N, t.parts}, []kernel.Range{scratch}, l.In[:1]
			rest.Sizes, rest.In = kernel.Sum{N: t.parts}, []kernel.Range{scratch, l.In[1]}
			return []kernel.Launch{first, rest}
		},
		variants: perItem(func(s kernel.Sum) (uint32, uint64) { return 1, uint64(s.N) }),
	},
	entry[sumParts]{
		operands: func(s sumParts) (out, in []operand) {
			return []operand{floats("part", s.Parts)}, []operand{floats("x", s.N)}
		},
		variants: perPart(func(s sumParts) (n, parts uint32) { return s.N, s.Parts }),
	},
	entry[kernel.SumRows]{
		check: func(s kernel.SumRows) error { return inRow("x", s.Off, s.N, s.Stride) },
		operands: func(s kernel.SumRows) (out, in []operand) {
			return []operand{floats("y", s.N)}, []operand{strided("x", s.T, s.Stride, s.Off, s.N)}
		},
		variants: perItem(func(s kernel.SumRows) (uint32, uint64) { return s.N, uint64(s.T) }),
	},
}

// sumParts is part[i] = x[i] + x[i+Parts] + x[i+2·Parts] + …
//
//	out part [Parts]   in x [N]
type sumParts struct{ N, Parts uint32 }

func (sumParts) Kernel() string { return "sum_parts" }

// maxParts bounds the parts into which a sum is divided: they are kept in scratch, up to partBytes each.
const maxParts, partBytes = 8192, 8

// chunk is how many elements of a long row a shader reads at a turn, as in lib.glsl.
const chunk = 16

// perPart returns the one variant of a kernel that divides n terms among parts.
func perPart[S kernel.Sizes](size func(s S) (n, parts uint32)) []variant[S] {
	return []variant[S]{{work: func(t traits, s S) work {
		n, parts := size(s)
		return work{items: uint64(parts), turns: ceil(n, parts)}
	}}}
}
