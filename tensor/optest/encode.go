package optest

import (
	"encoding/binary"
	"math"

	"github.com/x448/float16"

	"github.com/vulora/vulora/tensor"
)

// encode appends v, rounded to t, to b, and returns the rounded value. Of int8 v is the code.
func encode(t tensor.DType, v float64, b []byte) (float64, []byte) {
	le := binary.LittleEndian
	switch t {
	case tensor.I32:
		return math.Trunc(v), le.AppendUint32(b, uint32(int32(v)))
	case tensor.BF16:
		u := math.Float32bits(float32(v))
		u = (u + 0x7fff + u>>16&1) & 0xffff0000
		return float64(math.Float32frombits(u)), le.AppendUint16(b, uint16(u>>16))
	case tensor.F16:
		h := float16.Fromfloat32(float32(v))
		return float64(h.Float32()), le.AppendUint16(b, h.Bits())
	case tensor.I8:
		return v, append(b, byte(int8(v)))
	}
	return float64(float32(v)), le.AppendUint32(b, math.Float32bits(float32(v)))
}
