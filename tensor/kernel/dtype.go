package kernel

import "fmt"

// A DType is the storage type of a tensor's elements. Arithmetic is float32 whatever the storage.
type DType uint8

const (
	F32  DType = iota // IEEE 754 binary32
	F16               // IEEE 754 binary16
	BF16              // upper half of binary32
	I32               // two's complement; also carries uint32 keys
)

// Size returns the bytes of one element.
func (d DType) Size() int64 {
	if d == F16 || d == BF16 {
		return 2
	}
	return 4
}

func (d DType) String() string {
	switch d {
	case F32:
		return "f32"
	case F16:
		return "f16"
	case BF16:
		return "bf16"
	case I32:
		return "i32"
	}
	return fmt.Sprintf("dtype(%d)", uint8(d))
}
