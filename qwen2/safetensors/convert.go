package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"github.com/x448/float16"
)

// halfTable holds the value of each F16 pattern: twice as fast as converting one by one.
var halfTable = sync.OnceValue(func() *[1 << 16]float32 {
	t := new([1 << 16]float32)
	for i := range t {
		t[i] = float16.Frombits(uint16(i)).Float32()
	}
	return t
})

// Floats writes the elements of t, of dtype F32, F16 or BF16, to dst, exactly. Another dtype, a dst with another
// number of elements or Data of another length is an error.
func Floats(t Tensor, dst []float32) error {
	size, ok := map[string]int{"F32": 4, "F16": 2, "BF16": 2}[t.DType]
	if !ok {
		return fmt.Errorf("safetensors: floats of %s: want F32, F16 or BF16, have %q", t.Name, t.DType)
	}
	n, err := numel(t.Shape)
	if err != nil {
		return fmt.Errorf("safetensors: floats of %s: %w", t.Name, err)
	}
	if len(dst) != n || len(t.Data)%size != 0 || len(t.Data)/size != n {
		return fmt.Errorf("safetensors: floats of %s: want %d elements for %s %v, have %d bytes for %d", t.Name, n,
			t.DType, t.Shape, len(t.Data), len(dst))
	}
	src := t.Data
	switch t.DType {
	case "F32":
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case "F16":
		table := halfTable()
		for i := range dst {
			dst[i] = table[binary.LittleEndian.Uint16(src[2*i:])]
		}
	case "BF16":
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	}
	return nil
}

// ToBF16 writes src to dst as BF16, little-endian, 2 bytes each, rounded to nearest, ties to even. NaNs stay NaNs of
// their sign. A dst of another length than 2·len(src) is an error.
func ToBF16(src []float32, dst []byte) error {
	if len(dst)/2 != len(src) || len(dst)%2 != 0 {
		return fmt.Errorf("safetensors: to bf16: want %d·2 bytes, have %d", len(src), len(dst))
	}
	for i, f := range src {
		b := math.Float32bits(f)
		h := uint16((b + 0x7fff + b>>16&1) >> 16)
		if f != f {
			h = uint16(b>>16) | 0x40 // Quiet, and not infinite when only low bits of the payload were set.
		}
		binary.LittleEndian.PutUint16(dst[2*i:], h)
	}
	return nil
}

// ToF16 writes src to dst as IEEE binary16, little-endian, 2 bytes each, rounded to nearest, ties to even: from 65520
// on numbers become infinite, NaNs stay NaNs. A dst of another length than 2·len(src) is an error.
func ToF16(src []float32, dst []byte) error {
	if len(dst)/2 != len(src) || len(dst)%2 != 0 {
		return fmt.Errorf("safetensors: to f16: want %d·2 bytes, have %d", len(src), len(dst))
	}
	for i, f := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], float16.Fromfloat32(f).Bits())
	}
	return nil
}

// numel returns the number of elements of shape. Negative dimensions and a product beyond an int are errors.
func numel(shape []int) (int, error) {
	dims := make([]uint64, len(shape))
	for i, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		}
		dims[i] = uint64(d)
	}
	_, n, err := byteSize(dims, 1)
	return int(n), err
}
