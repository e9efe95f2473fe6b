package bnb

import (
	"fmt"
	"math"
	"math/bits"
)

// Matrix is a weight of N rows (outputs) and K columns (inputs) in a Format. It is made by Quantize, QuantizeTensor or
// Decode.
//
//	         NF4, FP4                                         Int8
//	Packed:  [ceil(N·K/2)], first of two in the high half     [N·K], two's complement
//	Absmax:  [Blocks], of 64 consecutive elements each        [N], of the row (bitsandbytes' SCB)
//
// With double quantisation Absmax is nil and Nested has its numbers.
type Matrix struct {
	Format Format
	N, K   int
	DType  string // dtype of the weights before: "F32", "F16" or "BF16"
	Packed []byte
	Absmax []float32
	Nested *Nested
}

// Blocks returns the number of scales: one for each 64 elements, the last perhaps for fewer; for Int8 one for each row.
func (m Matrix) Blocks() int {
	if m.Format == Int8 {
		return m.N
	}
	return ceilDiv(m.N*m.K, BlockSize)
}

// BlocksCrossRows tells whether some block has elements of two rows, because K is not a multiple of 64: a format that
// bitsandbytes has and that a kernel working row by row cannot use. Int8 never has.
func (m Matrix) BlocksCrossRows() bool { return m.Format != Int8 && m.K%BlockSize != 0 }

// Scales returns what each block's levels are multiplied with: absmax, restored where it is nested; for Int8
// absmax/127 of each row. An inconsistent m is an error.
func (m Matrix) Scales() ([]float32, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("bnb: scales: %w", err)
	}
	s := make([]float32, m.Blocks())
	m.scales(0, s)
	return s, nil
}

// scales writes those of the blocks first to first+len(dst)-1.
func (m Matrix) scales(first int, dst []float32) {
	switch {
	case m.Format == Int8:
		for i := range dst {
			dst[i] = m.Absmax[first+i] / 127
		}
	case m.Nested != nil:
		m.Nested.restore(first, dst)
	default:
		copy(dst, m.Absmax[first:])
	}
}

// check refuses a matrix whose slices do not have the lengths that its sizes ask for.
func (m Matrix) check() error {
	elements, err := elementCount(m.N, m.K)
	if err != nil {
		return err
	}
	packed := elements
	switch m.Format {
	case NF4, FP4:
		packed = ceilDiv(elements, 2)
	case Int8:
	default:
		return fmt.Errorf("want nf4, fp4 or int8, have %v", m.Format)
	}
	if len(m.Packed) != packed {
		return fmt.Errorf("%v of %d×%d: want %d packed bytes, have %d", m.Format, m.N, m.K, packed, len(m.Packed))
	}
	if m.Nested == nil {
		if len(m.Absmax) != m.Blocks() {
			return fmt.Errorf("%v of %d×%d: want %d absmax, have %d", m.Format, m.N, m.K, m.Blocks(), len(m.Absmax))
		}
		return nil
	}
	if m.Format == Int8 {
		return fmt.Errorf("double quantisation: want nf4 or fp4, have int8")
	}
	if len(m.Absmax) != 0 {
		return fmt.Errorf("double quantisation: want no plain absmax, have %d", len(m.Absmax))
	}
	blocks, outer := m.Blocks(), ceilDiv(m.Blocks(), nestedBlockSize)
	if len(m.Nested.Codes) != blocks || len(m.Nested.Absmax) != outer {
		return fmt.Errorf("%v of %d×%d: want %d nested codes and %d absmax of them, have %d and %d", m.Format, m.N, m.K,
			blocks, outer, len(m.Nested.Codes), len(m.Nested.Absmax))
	}
	return nil
}

// elementCount returns n·k, or an error where there is none to speak of.
func elementCount(n, k int) (int, error) {
	if n < 1 || k < 1 {
		return 0, fmt.Errorf("want at least one row and column, have %d×%d", n, k)
	}
	// Room for rounding up to whole blocks, and for four bytes each.
	if hi, lo := bits.Mul64(uint64(n), uint64(k)); hi != 0 || lo > math.MaxInt/8 {
		return 0, fmt.Errorf("%d×%d elements are too many", n, k)
	}
	return n * k, nil
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
