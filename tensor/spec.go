package tensor

import (
	"fmt"
	"math"
	"strings"

	"github.com/vulora/vulora/tensor/kernel"
)

// A DType is the storage type of elements; arithmetic is float32 whatever the storage.
type DType = kernel.DType

// The data types.
const (
	F32  = kernel.F32
	F16  = kernel.F16
	BF16 = kernel.BF16
	I32  = kernel.I32
	NF4  = kernel.NF4
	FP4  = kernel.FP4
	I8   = kernel.I8
)

// A Shape is a list of one to four dimensions, outermost first. It is a value: comparable with ==, usable as a map key.
type Shape struct {
	d [4]int
	n int
}

// Dims returns the shape with the given dimensions. More than four, or none, or one that is not positive, make the
// invalid zero Shape, which every op refuses.
func Dims(dims ...int) (s Shape) {
	if len(dims) == 0 || len(dims) > len(s.d) {
		return Shape{}
	}
	total := int64(1)
	for _, d := range dims {
		if d <= 0 || total > math.MaxInt32*int64(8)/int64(d) {
			return Shape{}
		}
		total *= int64(d)
	}
	s.n = copy(s.d[:], dims)
	return s
}

// Rank returns the number of dimensions.
func (s Shape) Rank() int { return s.n }

// Dim returns dimension i; −1 is the last. It is 0 where there is none.
func (s Shape) Dim(i int) int {
	if i < 0 {
		i += s.n
	}
	if i < 0 || i >= s.n {
		return 0
	}
	return s.d[i]
}

// Len returns the number of elements.
func (s Shape) Len() int {
	if s.n == 0 {
		return 0
	}
	n := 1
	for _, v := range s.d[:s.n] {
		n *= v
	}
	return n
}

// Rows returns the product of all dimensions but the last.
func (s Shape) Rows() int {
	if s.n == 0 {
		return 0
	}
	return s.Len() / s.d[s.n-1]
}

func (s Shape) String() string {
	var b strings.Builder
	b.WriteByte('[')
	for i, v := range s.d[:s.n] {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprint(&b, v)
	}
	b.WriteByte(']')
	return b.String()
}

// A Spec is the shape and the data type of a value.
type Spec struct {
	Shape
	DType DType
}

// Of returns the float32 spec with the given dimensions.
func Of(dims ...int) Spec { return Spec{Dims(dims...), F32} }

// IntsOf returns the int32 spec with the given dimensions.
func IntsOf(dims ...int) Spec { return Spec{Dims(dims...), I32} }

// float reports whether elements are numbers by themselves.
func (s Spec) float() bool { return s.DType == F32 || s.DType == F16 || s.DType == BF16 }

// Bytes returns the size in memory.
func (s Spec) Bytes() int64 { return s.DType.Bytes(int64(s.Len())) }

func (s Spec) String() string { return s.DType.String() + s.Shape.String() }
