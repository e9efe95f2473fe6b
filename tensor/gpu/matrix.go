package gpu

import (
	"github.com/vulora/vulora/tensor/kernel"
	"github.com/vulora/vulora/vk"
)

// A shape is that of the matrices which the lanes of a subgroup multiply together: m x k by k x n, with sums in
// float32. The zero value is none.
type shape struct {
	m, n, k  uint32
	subgroup uint32 // lanes
}

// shapeOf returns the largest shape that a device has for factors of a type and shaders/linear_matrix.comp can use.
func shapeOf(v vk.Info, factors vk.Component) (best shape) {
	size := uint32(v.Limits.SubgroupSize)
	if v.Vendor == intel {
		size = uint32(v.Limits.MinSubgroup)
	}
	side := func(n int) bool { return n == 8 || n == 16 }
	for _, s := range v.Matrices {
		if s.A != factors || s.B != factors || s.C != vk.ComponentFloat32 || s.Result != vk.ComponentFloat32 ||
			s.Workgroup || s.Saturating || s.Flexible || !side(s.M) || !side(s.N) || s.K < 8 || matrixStep%s.K != 0 {
			continue
		}
		if x := (shape{uint32(s.M), uint32(s.N), uint32(s.K), size}); x.m*x.n*x.k > best.m*best.n*best.k {
			best = x
		}
	}
	return best
}

// intel is the vendor whose subgroups have the size for matrices only if they are as small as can be: eight or sixteen
// lanes, one for each column.
const intel = 0x8086

// setMatrices finds out how a device multiplies matrices. Subgroups must be full: each makes a part of a tile.
func (t *traits) setMatrices(v vk.Info) {
	f := v.Features
	if !t.shared || !f.Matrix || !f.SubgroupSize || !f.FullSubgroups {
		return
	}
	t.most, t.sharedBytes = uint32(v.Limits.MaxInvocations), uint32(v.Limits.MaxSharedMemory)
	t.tiles = matrixTiles
	if v.Kind == vk.CPU {
		t.tiles = softwareTiles
	}
	if f.BFloat16Matrix {
		t.matrix = shapeOf(v, vk.ComponentBFloat16)
	}
	if f.Float16 {
		t.half = shapeOf(v, vk.ComponentFloat16)
	}
	smallest := t.tiles[len(t.tiles)-1]
	for _, s := range []*shape{&t.matrix, &t.half} {
		if !smallest.fits(*t, *s) {
			*s = shape{}
		}
	}
}

const (
	matrixTokens = 16  // rows from which on the smallest tile of matrices is full
	matrixStep   = 32  // terms of the sums that are staged at a time: BK in shaders/linear_matrix.comp
	busy         = 128 // workgroups that keep a large device busy
)

// A matrixTile is made by down x across subgroups, of which each makes rows x cols.
type matrixTile struct{ down, across, rows, cols uint32 }

// matrixTiles, largest first: large ones read less of both factors.
var matrixTiles = []matrixTile{{2, 4, 64, 32}, {2, 2, 32, 32}, {1, 4, 32, 32}, {1, 2, 16, 32}}

// softwareTiles are for tests: a software device writes out every product of two elements, and takes minutes to compile
// larger ones.
var softwareTiles = []matrixTile{{2, 2, 16, 16}, {1, 2, 16, 16}}

// fits tells whether a device has the lanes and the shared memory for a tile.
func (x matrixTile) fits(t traits, s shape) bool {
	rows, cols, n := x.down*x.rows, x.across*x.cols, x.down*x.across
	const padded = matrixStep + 8 // a row of steps in shared memory, in elements of two bytes
	bytes := 2*rows*padded + 2*max(cols*padded, matrixStep*(cols+8)) + 4*n*s.m*s.n
	return s.subgroup*n <= t.most && bytes <= t.sharedBytes
}

// matrixWork divides a product with sums of so many terms: the largest tile that the rows fill by more than half, but
// not the largest of all where that makes few tiles.
func matrixWork(t traits, s shape, rows, cols, terms uint32) (w work) {
	for i, x := range t.tiles {
		last := i == len(t.tiles)-1
		w.items = ceil(rows, x.down*x.rows) * ceil(cols, x.across*x.cols)
		w.lanes = s.subgroup * x.down * x.across
		w.spec = []uint32{s.m, s.n, s.k, s.subgroup, x.down, x.across, x.rows / s.m, x.cols / s.n}
		w.turns = ceil(terms, matrixStep)*uint64(1+matrixStep/s.k) + uint64(x.rows*x.cols/s.subgroup)
		good := rows > x.down*x.rows/2 && (i > 0 || w.items >= busy)
		if t.tile > 0 {
			good = t.tile == i+1
		}
		if last || good && x.fits(t, s) {
			break
		}
	}
	return w
}

// linearByMatrices tells whether a product may be one of rounded matrices, and is large enough. Rows of the factors are
// read in chunks of eight.
func linearByMatrices(s kernel.Linear) bool {
	return s.Precision == kernel.RoundBF16 && s.T >= matrixTokens && s.K%8 == 0 && powersFit(s.N, s.T)
}

func linearBackByMatrices(s kernel.LinearBack) bool {
	return s.Precision == kernel.RoundBF16 && s.T >= matrixTokens && (s.K|s.N)%8 == 0 && (s.YStride|s.YOff)%4 == 0 &&
		powersFit(s.N, s.T)
}

// powersFit tells whether scratch holds the powers of two for rows of w and of the other factor.
func powersFit(n, rows uint32) bool { return uint64(powersAt(n))+uint64(rows) <= matrixScratch/4 }

// powersAt is where the powers of the factor other than w begin.
func powersAt(n uint32) uint64 { return 64 * ceil(n, 64) }

// matrixScratch is the scratch, in bytes, of a device that needs powers.
const matrixScratch = 1 << 20

// scaleLinear finds the powers of two by which the rows of w and x are divided to be rounded to float16.
func scaleLinear(s kernel.Linear, l kernel.Launch, scratch kernel.Range) []kernel.Launch {
	list, _ := scaleWeight(s.N, s.K, l, scratch)
	x := rowScale{Rows: s.T, Cols: s.K, Stride: s.K, To: uint32(powersAt(s.N))}
	return append(list, rowScales(l, x, scratch, l.In[0]))
}

// scaleLinearBack does so for w and for dy, each of whose elements is to be multiplied by the power, or the scale, of
// its row of w.
func scaleLinearBack(s kernel.LinearBack, l kernel.Launch, scratch kernel.Range) []kernel.Launch {
	list, factors := scaleWeight(s.N, s.K, l, scratch)
	x := rowScale{Rows: s.T, Cols: s.N, Stride: s.YStride, Off: s.YOff, To: uint32(powersAt(s.N))}
	in := []kernel.Range{l.In[0]}
	if factors.Bytes > 0 {
		x.Factors, in = 1, append(in, factors)
	}
	return append(list, rowScales(l, x, scratch, in...))
}

// scaleWeight finds the powers of w's rows, if they need any, and returns by what their elements will have to be
// multiplied. Elements of 4-bit types are at most their block's scale.
func scaleWeight(n, k uint32, l kernel.Launch, scratch kernel.Range) (list []kernel.Launch, factors kernel.Range) {
	w, cols := l.In[1], k
	switch {
	case w.DType == kernel.F16:
		return nil, kernel.Range{}
	case w.DType == kernel.I8:
		return nil, l.In[2]
	case w.DType.Quantized():
		w, cols = l.In[2], k/kernel.BlockSize
	}
	factors = scratch
	factors.Bytes = 4 * int64(n)
	return []kernel.Launch{rowScales(l, rowScale{Rows: n, Cols: cols, Stride: cols}, scratch, w)}, factors
}

func rowScales(l kernel.Launch, s rowScale, scratch kernel.Range, in ...kernel.Range) kernel.Launch {
	scratch.Bytes = 4 * (int64(s.To) + int64(s.Rows))
	l.Sizes, l.Out, l.In = s, []kernel.Range{scratch}, in
	return l
}

// rowScale is, for each row of x, or of x·f by columns, the power of two by which it is divided to fit float16.
//
//	out s: elements To … To+Rows−1   in x [Rows, Stride] f32|bf16: columns Off … Off+Cols−1, f [Cols] if Factors ≠ 0
type rowScale struct{ Rows, Cols, Stride, Off, To, Factors uint32 }

func (rowScale) Kernel() string { return "row_scale" }

// matrixKernels: shaders/row_scale.comp.
var matrixKernels = []lowerer{
	entry[rowScale]{
		check: func(s rowScale) error { return inRow("x", s.Off, s.Cols, s.Stride) },
		operands: func(s rowScale) (out, in []operand) {
			x := strided("x", s.Rows, s.Stride, s.Off, s.Cols)
			x.choice = []kernel.DType{kernel.F32, kernel.BF16}
			return []operand{{name: "s", elems: uint64(s.To) + uint64(s.Rows)}},
				[]operand{x, optional(s.Factors, floats("f", s.Cols))}
		},
		variants: perItem(func(s rowScale) (uint32, uint64) { return s.Rows, uint64(s.Cols) }),
	},
}
