package tensor

import (
	"fmt"
	"unsafe"

	"github.com/vulora/vulora/tensor/kernel"
)

// A Tensor is device memory that outlives programs: weights, adapters, moments, the inputs of a step. It is a part of a
// buffer that somebody else may own: several tensors may lie in one slab.
type Tensor struct {
	Spec
	Buffer kernel.Buffer
	Offset int64 // bytes
}

// New allocates a zeroed tensor with a buffer of its own.
func New(d kernel.Device, s Spec, p kernel.Purpose) (*Tensor, error) {
	if s.Len() == 0 {
		return nil, fmt.Errorf("tensor: new: want one to four positive dimensions, have %v", s)
	}
	b, err := d.Alloc(s.Bytes(), p)
	if err != nil {
		return nil, fmt.Errorf("tensor: new %v for %v: %w", s, p, err)
	}
	return &Tensor{Spec: s, Buffer: b}, nil
}

// Import makes a tensor of data, which a device that computes in the same memory keeps (see kernel.Device).
func Import(d kernel.Device, s Spec, data []byte, p kernel.Purpose) (*Tensor, error) {
	if int64(len(data)) != s.Bytes() || len(data) == 0 {
		return nil, fmt.Errorf("tensor: import %v: want %d bytes, have %d", s, s.Bytes(), len(data))
	}
	b, err := d.Import(data, p)
	if err != nil {
		return nil, fmt.Errorf("tensor: import %v for %v: %w", s, p, err)
	}
	return &Tensor{Spec: s, Buffer: b}, nil
}

// Write copies the whole contents from p.
func (t *Tensor) Write(p []byte) error {
	if int64(len(p)) != t.Bytes() {
		return fmt.Errorf("tensor: write %v: want %d bytes, have %d", t.Spec, t.Bytes(), len(p))
	}
	return t.Buffer.Write(t.Offset, p)
}

// Read copies the whole contents to p.
func (t *Tensor) Read(p []byte) error {
	if int64(len(p)) != t.Bytes() {
		return fmt.Errorf("tensor: read %v: want %d bytes, have %d", t.Spec, t.Bytes(), len(p))
	}
	return t.Buffer.Read(t.Offset, p)
}

// WriteFloats copies the whole contents of a float32 tensor from x.
func (t *Tensor) WriteFloats(x []float32) error { return t.Write(bytesOf(x)) }

// ReadFloats copies the whole contents of a float32 tensor to x.
func (t *Tensor) ReadFloats(x []float32) error { return t.Read(bytesOf(x)) }

// WriteInts copies the whole contents of an int32 tensor from x.
func (t *Tensor) WriteInts(x []int32) error { return t.Write(bytesOf(x)) }

// ReadInts copies the whole contents of an int32 tensor to x.
func (t *Tensor) ReadInts(x []int32) error { return t.Read(bytesOf(x)) }

// Free frees the buffer. It may be called on nil and more than once.
func (t *Tensor) Free() {
	if t != nil && t.Buffer != nil {
		t.Buffer.Free()
	}
}

func bytesOf[E int32 | float32](x []E) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x))
}
