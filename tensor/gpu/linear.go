package gpu

import (
	"fmt"
	"math/bits"

	"github.com/vulora/vulora/tensor/kernel"
)

// weightTypes are the storage types of a weight.
var weightTypes = []kernel.DType{kernel.F32, kernel.F16, kernel.BF16, kernel.NF4, kernel.FP4, kernel.I8}

// linearKernels: shaders/linear.comp, linear_4bit.comp, linear_tiles.comp, linear_exchange.comp, linear_matrix.comp,
// matmul.comp. Variants without vec are for rows that are not multiples of four, which 4-bit types do not have.
var linearKernels = []lowerer{
	entry[kernel.Linear]{
		check: func(s kernel.Linear) error { return inRow("y", s.YOff, s.N, s.YStride) },
		operands: func(s kernel.Linear) (out, in []operand) {
			in = []operand{floats("x", s.T, s.K), stored("w", s.N, s.K, weightTypes), optional(s.Bias, floats("b", s.N))}
			return []operand{strided("y", s.T, s.YStride, s.YOff, s.N)}, in
		},
		flops: func(s kernel.Linear) float64 { return 2 * float64(s.T) * float64(s.N) * float64(s.K) },
		variants: []variant[kernel.Linear]{
			{words: "matrix", needs: matrices, when: linearByMatrices,
				work: func(t traits, s kernel.Linear) work { return matrixWork(t, t.matrix, s.T, s.N, s.K) }},
			{words: "matrix.half", needs: halves, when: linearByMatrices, before: scaleLinear,
				work: func(t traits, s kernel.Linear) work { return matrixWork(t, t.half, s.T, s.N, s.K) }},
			{words: "tiles", needs: sharing,
				when: func(s kernel.Linear) bool { return s.T > fewTokens },
				work: func(t traits, s kernel.Linear) work { return sharedTiles(s.T, s.N, s.K) }},
			{words: "vec.group", needs: sharing,
				when: func(s kernel.Linear) bool { return s.K%4 == 0 && s.T <= fewTokens },
				work: func(t traits, s kernel.Linear) work { return lanesPerTile(s.T, s.N, s.K) }},
			{words: "group", needs: sharing,
				when: func(s kernel.Linear) bool { return s.K%4 != 0 && s.T <= fewTokens },
				work: func(t traits, s kernel.Linear) work { return lanesPerTile(s.T, s.N, s.K) }},
			{words: "vec.exchange", needs: exchanges,
				when: func(s kernel.Linear) bool { return s.K%4 == 0 && s.T >= fewTokens },
				work: func(t traits, s kernel.Linear) work { return exchangeTiles(t, s.T, s.N, 64, 1, s.K/4) }},
			{words: "vec",
				when: func(s kernel.Linear) bool { return s.K%4 == 0 },
				work: func(t traits, s kernel.Linear) work { return registerTiles(t, s.T, s.N, 16, s.K/4) }},
			{when: func(s kernel.Linear) bool { return s.K%4 != 0 },
				work: func(t traits, s kernel.Linear) work { return registerTiles(t, s.T, s.N, 8, s.K) }},
		},
	},
	entry[kernel.LinearBack]{
		check: func(s kernel.LinearBack) error { return inRow("dy", s.YOff, s.N, s.YStride) },
		operands: func(s kernel.LinearBack) (out, in []operand) {
			in = []operand{strided("dy", s.T, s.YStride, s.YOff, s.N), stored("w", s.N, s.K, weightTypes)}
			return []operand{floats("dx", s.T, s.K)}, in
		},
		divide: divideLinearBack,
		flops:  func(s kernel.LinearBack) float64 { return 2 * float64(s.T) * float64(s.N) * float64(s.K) },
		variants: []variant[kernel.LinearBack]{
			{words: "matrix", needs: matrices, when: linearBackByMatrices,
				work: func(t traits, s kernel.LinearBack) work { return matrixWork(t, t.matrix, s.T, s.K, s.N) }},
			{words: "matrix.half", needs: halves, when: linearBackByMatrices, before: scaleLinearBack,
				work: func(t traits, s kernel.LinearBack) work { return matrixWork(t, t.half, s.T, s.K, s.N) }},
			{words: "tiles", needs: sharing,
				work: func(t traits, s kernel.LinearBack) work { return sharedTiles(s.T, s.K, s.N) }},
			{words: "vec.exchange", needs: exchanges,
				when: func(s kernel.LinearBack) bool { return s.K%4 == 0 && s.T >= fewTokens },
				work: func(t traits, s kernel.LinearBack) work { return exchangeTiles(t, s.T, s.K, 128, 4, s.N) }},
			{words: "vec",
				when: func(s kernel.LinearBack) bool { return s.K%4 == 0 },
				work: func(t traits, s kernel.LinearBack) work { return registerTiles(t, s.T, s.K, 16, s.N) }},
			{when: func(s kernel.LinearBack) bool { return s.K%4 != 0 },
				work: func(t traits, s kernel.LinearBack) work { return registerTiles(t, s.T, s.K, 8, s.N) }},
		},
	},
	entry[kernel.MatMul]{
		check: func(s kernel.MatMul) error {
			aRows, aCols := flip(s.TransA, s.M, s.K)
			bRows, bCols := flip(s.TransB, s.K, s.N)
			if s.LDA < aCols || s.LDB < bCols || s.LDC < s.N {
				return fmt.Errorf("want rows of at least %d, %d and %d, have strides %d, %d and %d for %d, %d and %d rows",
					aCols, bCols, s.N, s.LDA, s.LDB, s.LDC, aRows, bRows, s.M)
			}
			return nil
		},
		operands: func(s kernel.MatMul) (out, in []operand) {
			aRows, aCols := flip(s.TransA, s.M, s.K)
			bRows, bCols := flip(s.TransB, s.K, s.N)
			return []operand{strided("c", s.M, s.LDC, s.COff, s.N)}, []operand{
				strided("a", aRows, s.LDA, s.AOff, aCols), strided("b", bRows, s.LDB, s.BOff, bCols)}
		},
		flops: func(s kernel.MatMul) float64 { return 2 * float64(s.M) * float64(s.N) * float64(s.K) },
		variants: []variant[kernel.MatMul]{
			{words: "group", needs: sharing,
				when: func(s kernel.MatMul) bool { return s.K >= 64 },
				work: func(t traits, s kernel.MatMul) work { return skinnyTiles(s) }},
			{work: func(t traits, s kernel.MatMul) work { return skinnyTiles(s) }},
		},
	},
}

// fewTokens is where a product stops being bound by reading the weight.
const fewTokens = 8

// divideLinearBack adds up the gradient over slices of the weight's rows where they are more than a loop may have
// turns.
func divideLinearBack(t traits, s kernel.LinearBack, l kernel.Launch, _ kernel.Range) (parts []kernel.Launch) {
	const most = 1 << 15 // rows of a slice, which then starts at a multiple of any alignment
	if t.turns == 0 || uint64(s.N) <= t.turns {
		return nil
	}
	w := l.In[1]
	for first := uint32(0); first < s.N; first += most {
		p, part := l, s
		part.N, part.YOff = min(most, s.N-first), s.YOff+first
		if first > 0 {
			part.Acc = 1
		}
		p.Sizes, p.In = part, []kernel.Range{l.In[0], slice(w, int64(first), int64(part.N), w.DType.Bytes(int64(s.K)))}
		if w.DType.Quantized() {
			row := int64(stored("w", 1, s.K, nil).scales(w.DType).elems) * kernel.F32.Size()
			p.In = append(p.In, slice(l.In[2], int64(first), int64(part.N), row))
		}
		parts = append(parts, p)
	}
	return parts
}

// slice returns n rows of row bytes, from row first on.
func slice(r kernel.Range, first, n, row int64) kernel.Range {
	r.Offset, r.Bytes = r.Offset+first*row, n*row
	return r
}

// flip returns the rows and columns of a factor as it is stored.
func flip(trans, rows, cols uint32) (uint32, uint32) {
	if trans != 0 {
		return cols, rows
	}
	return rows, cols
}

func ceil(n, d uint32) uint64 { return (uint64(n) + uint64(d) - 1) / uint64(d) }

// sharedTiles are of 64 x 64, by 64 lanes that make 8 x 8 each.
func sharedTiles(rows, cols, terms uint32) work {
	return work{items: ceil(rows, 64) * ceil(cols, 64), lanes: 64, spec: []uint32{8, 8}, turns: 17 * ceil(terms, 16)}
}

// lanesPerTile gives all lanes of a small workgroup one tile of a few tokens and four columns.
func lanesPerTile(rows, cols, terms uint32) work {
	tm := powerOfTwo(rows, fewTokens)
	return work{items: ceil(rows, tm) * ceil(cols, 4), lanes: 64, spec: []uint32{tm, 4}, turns: ceil(terms, 64)}
}

// registerTiles gives each invocation a tile of most x most results, or of few rows if there are no more; graphics
// processors have no registers for more than 4 x 4 and its loads.
func registerTiles(t traits, rows, cols, most, turns uint32) work {
	if !t.wide {
		most = 4
	}
	tm := powerOfTwo(rows, most)
	return work{items: ceil(rows, tm) * ceil(cols, most), spec: []uint32{tm, most}, turns: uint64(turns)}
}

// exchangeTiles gives a subgroup a tile of about most columns, of which a lane loads per at once, and up to four rows
// for each lane. Most of its accumulators lie in memory, which pays where loads of single lanes are dearer still.
func exchangeTiles(t traits, rows, cols, most, per, turns uint32) work {
	tm, tw := powerOfTwo(uint32(ceil(rows, t.subgroup)), 4), max(1, most/per/t.subgroup)
	return work{items: ceil(rows, t.subgroup*tm) * ceil(cols, t.subgroup*tw*per), spec: []uint32{tm, tw},
		turns: uint64(turns)}
}

// skinnyTiles are of 4 x 8 results.
func skinnyTiles(s kernel.MatMul) work {
	return work{items: ceil(s.M, 4) * ceil(s.N, 8), spec: []uint32{4, 8}, turns: uint64(s.K)}
}

// powerOfTwo returns the least power of two that is at least n, or most if that is less.
func powerOfTwo(n, most uint32) uint32 {
	if n >= most {
		return most
	}
	return 1 << bits.Len32(n-1)
}
