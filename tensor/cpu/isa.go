package cpu

import (
	"unsafe"

	"github.com/vulora/vulora/tensor/kernel"
)

type (
	tileFunc = func(
		rows, k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool,
	)
	packFunc     = func(panel, src unsafe.Pointer, ld, k, n int)
	productsFunc = func(y []float32, w unsafe.Pointer, ld int, x []float32)
	widenFunc    = func(dst []float32, src unsafe.Pointer)
)

// An isa is one instruction set: the size of its register tile and the loops it does better than Go.
//
// Slices of one call have the same length. Reductions have an order that depends on nothing but that length.
type isa struct {
	name, title string
	mr, nr      int // rows and columns of a tile; nr is 16 or 32
	kc, nc      int // inner length (whole blocks of codes) and columns of panels that stay in the second-level cache

	// tile computes c[i, j] = alpha·Σk a(i,k)·panel[k, j], plus what c held if acc, for rows ≤ mr and j < nr. a(i,k) lies
	// rs·i + cs·k elements after a, c[i, j] lies ldc·i + j after c.
	tile tileFunc
	// packCols writes panel[i, j] = src[j, i], packRows writes panel[i, j] = src[i, j], for i < k and j < n. What the
	// columns from n on hold matters to no result. Rows of src are ld elements apart.
	packCols, packRows [kernel.I32]packFunc
	// products writes y[i] = Σk w[i, k]·x[k]; rows of w are ld elements apart.
	products [kernel.I32]productsFunc
	// widen converts len(dst) elements to float32.
	widen [kernel.I32]widenFunc

	// codes are what packCols, packRows, products and widen are for NF4, FP4 and I8.
	codes [3]codes

	dot      func(a, b []float32) float32               // Σ a·b
	dot3     func(a, b, c []float32) float32            // Σ a·b·c
	largest  func(x []float32) float32                  // −Inf for none; may miss a NaN
	expSum   func(x []float32, shift float32) float32   // x = exp(x − shift); Σ x
	scale    func(x []float32, k float32)               // x *= k
	sum      func(y, a, b []float32)                    // y = a + b
	mulScale func(y, x, w []float32, k float32)         // y = x·k·w
	normBack func(dx, dy, x, w []float32, r, c float32) // dx = r·dy·w − c·x
	score    func(dp, p []float32, delta, k float32)    // dp = p·(dp − delta)·k
	swiglu   func(y, a, b []float32)
	swigluBk func(da, db, dy, a, b []float32)
	adamw    func(p, m, v, g []float32, s *adamStep)
	rotate   func(lo, hi, cos, sin []float32, sign float32)                    // (lo, hi)·(cos + i·sign·sin)
	dropout  func(y, x []float32, block uint32, s *kernel.Dropout, key uint32) // from block, that is element 2·block, on

	bf16 *bf16ISA // nil without bfloat16 products
}

// A bf16ISA multiplies pairs of bfloat16 along the inner dimension. Pairs count as one element: lengths and strides
// of tile and the panels are in pairs, and an odd last element is paired with zero.
type bf16ISA struct {
	mr   int // rows of a tile, which has nr columns
	tile tileFunc
	// packCols and packRows are those of isa for a bfloat16 source and k single elements.
	packCols, packRows packFunc
	// halve rounds n pairs of rows of a panel of float32, in place, to n rows of pairs.
	halve  func(n int, panel unsafe.Pointer)
	narrow func(dst []uint16, src []float32) // to nearest even
	// products is that of isa for a bfloat16 weight and x rounded to bfloat16.
	products func(y []float32, w unsafe.Pointer, ld int, x []uint16)
	// pairUp rounds len(dst) elements of lo and hi and pairs them, with those of lo in the low half. Rows end with
	// whole panels.
	pairUp func(dst []uint32, lo, hi []float32)
}
