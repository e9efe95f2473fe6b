package bench

import (
	"encoding/binary"
	"math"

	"github.com/x448/float16"

	"github.com/vulora/vulora/tensor/kernel"
)

// at returns element i; of a quantised operand it is the table's number or the integer, without its scale.
func (v values) at(i int) float64 {
	le := binary.LittleEndian
	switch v.dtype {
	case kernel.BF16:
		return float64(math.Float32frombits(uint32(le.Uint16(v.data[2*i:])) << 16))
	case kernel.F16:
		return float64(float16.Frombits(le.Uint16(v.data[2*i:])).Float32())
	case kernel.I32:
		return float64(int32(le.Uint32(v.data[4*i:])))
	case kernel.I8:
		return float64(int8(v.data[i]))
	case kernel.NF4, kernel.FP4:
		code := v.data[i/2] >> (4 * (1 - i%2)) & 15 // the first of two is in the high half
		if v.dtype == kernel.NF4 {
			return float64(kernel.NF4Values[code])
		}
		return float64(kernel.FP4Values[code])
	}
	return float64(math.Float32frombits(le.Uint32(v.data[4*i:])))
}

func (v values) set(i int, x float64) {
	le := binary.LittleEndian
	switch v.dtype {
	case kernel.BF16:
		le.PutUint16(v.data[2*i:], uint16((math.Float32bits(float32(x))+0x8000)>>16))
	case kernel.F16:
		le.PutUint16(v.data[2*i:], float16.Fromfloat32(float32(x)).Bits())
	case kernel.I32:
		le.PutUint32(v.data[4*i:], uint32(int32(x)))
	default:
		le.PutUint32(v.data[4*i:], math.Float32bits(float32(x)))
	}
}

// element returns w[row, col] of a matrix of k columns whose operands begin with in[0].
func element(in []values, row, col, k int) float64 {
	x := in[0].at(row*k + col)
	switch in[0].dtype {
	case kernel.I8:
		x *= in[1].at(row)
	case kernel.NF4, kernel.FP4:
		x *= in[1].at((row*k + col) / kernel.BlockSize)
	}
	return x
}
