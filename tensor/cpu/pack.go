package cpu

import "unsafe"

// A source is the right-hand factor of a product, b [K, N], in whatever form it is stored. pack writes rows k0 …
// k0+k−1 of columns n0 … n0+n−1 (n ≤ nr) as one panel [k, nr] of float32, padded with zeros, and may use pairChunk/2·nr
// elements beyond it. It is called by several workers.
//
// A new storage type of weights is a new source.
type source interface {
	pack(v *isa, panel unsafe.Pointer, k0, k, n0, n int)
}

// columns is a source whose column j is row j of a stored matrix: the w of x·wᵀ.
type columns struct{ weight }

func (s columns) pack(v *isa, panel unsafe.Pointer, k0, k, n0, n int) {
	if s.dtype.Quantized() {
		v.codesOf(s.dtype).packCols(panel, s.from(n0, k0), k, n)
	} else {
		v.packCols[s.dtype](panel, s.at(n0, k0), s.ld, k, n)
	}
}

// rows is a source stored as it is: the w of dy·w.
type rows struct{ weight }

func (s rows) pack(v *isa, panel unsafe.Pointer, k0, k, n0, n int) {
	if s.dtype.Quantized() {
		v.codesOf(s.dtype).packRows(panel, s.from(k0, n0), k, n)
	} else {
		v.packRows[s.dtype](panel, s.at(k0, n0), s.ld, k, n)
	}
}

// address is &x[i] without a bounds check, for operands that were checked when the launch was built. It is nil if x
// is empty. No other code may make a pointer that lies outside its operand: the garbage collector would find it.
func address(x []float32, i int) unsafe.Pointer {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(x)), i*4)
}
