package kernel

import "fmt"

// A DType is the storage type of a tensor's elements. Arithmetic is float32 whatever the storage.
type DType uint8

const (
	F32    DType = iota // IEEE 754 binary32
	F16                 // IEEE 754 binary16
	BF16                // upper half of binary32
	I32                 // two's complement; also carries uint32 keys
	NF4                 // 4-bit codes of QLoRA's NormalFloat, two in a byte, the first in the high half; see Quantized
	FP4                 // 4-bit codes of bitsandbytes' FP4, packed in the same way
	I8                  // two's complement, −127 … 127
	dtypes              // their number
)

// dtypeBits and dtypeNames are by DType.
var (
	dtypeBits  = [dtypes]int64{32, 16, 16, 32, 4, 4, 8}
	dtypeNames = [dtypes]string{"f32", "f16", "bf16", "i32", "nf4", "fp4", "int8"}
)

// Bytes returns the size of n elements. Elements of half a byte come in even numbers.
func (d DType) Bytes(n int64) int64 { return n * dtypeBits[min(d, dtypes-1)] / 8 }

// Size returns the bytes of one element, 0 for types of less than a byte.
func (d DType) Size() int64 { return d.Bytes(1) }

// Quantized reports whether elements are codes that mean something only with a scale: a matrix of them is followed, in
// a kernel's operands, by its scales. The value of an element is table[code]·scale, in float32, not rounded in between.
//
//	NF4, FP4: [N, K], K a multiple of BlockSize, with scales [N, K/BlockSize] f32; tables NF4Values and FP4Values
//	I8:       [N, K] with scales [N] f32; the value is code·scale
func (d DType) Quantized() bool { return d == NF4 || d == FP4 || d == I8 }

// BlockSize is the number of elements along a row that share a scale in NF4 and FP4.
const BlockSize = 64

// NF4Values are the sixteen values of NormalFloat (Dettmers et al. 2023, appendix E; bitsandbytes).
var NF4Values = [16]float32{-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
	-0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634,
	0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1}

// FP4Values are the sixteen values of bitsandbytes' FP4; the highest bit of a code is the sign.
var FP4Values = [16]float32{0, 0.005208333333, 0.66666667, 1, 0.33333333, 0.5, 0.16666667, 0.25,
	0, -0.005208333333, -0.66666667, -1, -0.33333333, -0.5, -0.16666667, -0.25}

func (d DType) String() string {
	if d < dtypes {
		return dtypeNames[d]
	}
	return fmt.Sprintf("dtype(%d)", uint8(d))
}
