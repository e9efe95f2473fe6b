package cpu

import (
	"math"
	"unsafe"

	"github.com/vulora/vulora/tensor/kernel"
)

// codes are the loops of an instruction set for one type of codes with scales.
//
// Panels get table[code]·scale. Products may scale the sum of a block instead of its elements: they are bound by how
// fast codes can be looked up.
type codes struct {
	packCols, packRows func(panel unsafe.Pointer, w weight, k, n int) // see isa; w begins with the panel's first element
	products           func(y []float32, w weight, x []float32)       // see isa
	// arrange orders x for products, filled up with zeros to whole groups; nil: x is taken as it is.
	arrange func(dst, x []float32)
	group   int
	// pairs are arrange, group and products for pairs of bfloat16, which arrange leaves in the first half of dst; nil for
	// none.
	pairs *codes
	widen func(dst []float32, src unsafe.Pointer) // codes of I8 without their scale
}

func (v *isa) codesOf(t kernel.DType) *codes { return &v.codes[t-kernel.NF4] }

// from returns the part of a matrix of codes that begins with element (row, col).
func (w weight) from(row, col int) weight {
	if w.p == nil {
		return w
	}
	w.p = w.at(row, col)
	block := 0
	if w.dtype != kernel.I8 {
		block = col / kernel.BlockSize
	}
	w.scales = unsafe.Add(w.scales, (row*w.blocks+block)*4)
	return w
}

// scale is the scale of block b of a row.
func (w weight) scale(row, b int) float32 {
	return *(*float32)(unsafe.Add(w.scales, (row*w.blocks+b)*4))
}

// code4 reads code i of two in a byte, the first in the high half.
func code4(table *[16]float32) func(src unsafe.Pointer, i int) float32 {
	return func(src unsafe.Pointer, i int) float32 {
		b := *(*uint8)(unsafe.Add(src, i/2))
		return table[b>>(4*(1-i&1))&15]
	}
}

// wholeRow is the length of a block of I8.
const wholeRow = math.MaxInt

func code8(src unsafe.Pointer, i int) float32 { return float32(*(*int8)(unsafe.Add(src, i))) }

// plainCodes are codes in plain Go; block codes of a row share a scale.
func plainCodes(value func(src unsafe.Pointer, i int) float32, block int) codes {
	return codes{
		packCols: func(panel unsafe.Pointer, w weight, k, n int) { scatterCodes(panel, 16, w, 0, k, 0, n, value, block) },
		packRows: func(panel unsafe.Pointer, w weight, k, n int) { rowsCodesPlain(panel, 16, w, k, n, value) },
		products: func(y []float32, w weight, x []float32) { productsCodesPlain(y, w, x, value, block) },
		widen: func(dst []float32, src unsafe.Pointer) {
			for i := range dst {
				dst[i] = value(src, i)
			}
		},
	}
}

// scatterCodes writes element (i, j) of a panel of width nr, for i0 ≤ i < i1 and j0 ≤ j < j1, from w[j, i].
func scatterCodes(
	panel unsafe.Pointer, nr int, w weight, i0, i1, j0, j1 int,
	value func(src unsafe.Pointer, i int) float32, block int,
) {
	for j := j0; j < j1; j++ {
		for i := i0; i < i1; i++ {
			*(*float32)(unsafe.Add(panel, (i*nr+j)*4)) = value(w.p, j*w.ld+i) * w.scale(j, i/block)
		}
	}
}

// rowsCodesPlain has one scale for each row: a panel is narrower than a block.
func rowsCodesPlain(
	panel unsafe.Pointer, nr int, w weight, k, n int, value func(src unsafe.Pointer, i int) float32,
) {
	p := elements[float32](panel, k*nr)
	for i := range k {
		scale := w.scale(i, 0)
		for j := range n {
			p[i*nr+j] = value(w.p, i*w.ld+j) * scale
		}
	}
}

func productsCodesPlain(
	y []float32, w weight, x []float32, value func(src unsafe.Pointer, i int) float32, block int,
) {
	for i := range y {
		y[i] = 0
		for b := 0; b*block < len(x); b++ {
			part := x[b*block:]
			part = part[:min(block, len(part))]
			var s [4]float32
			for k, f := range part {
				s[k&3] += f * value(w.p, i*w.ld+b*block+k)
			}
			y[i] += (s[0] + s[1] + (s[2] + s[3])) * w.scale(i, b)
		}
	}
}
