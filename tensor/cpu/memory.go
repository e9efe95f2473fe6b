package cpu

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/vulora/vulora/tensor/kernel"
)

const (
	alignment = 64      // bytes: a cache line and the widest vector
	bigBlock  = 1 << 16 // bytes from which memory is asked from the system instead of the Go heap
)

// aligned returns n zeroed float32 that start at a multiple of 64 bytes.
func aligned(n int) []float32 {
	const pad = alignment / 4
	s := make([]float32, n+pad)
	skip := int(-uintptr(unsafe.Pointer(&s[0]))%alignment) / 4
	return s[skip : skip+n : skip+n]
}

// A buffer is memory that a kernel can address directly.
type buffer struct {
	d       *Device
	data    []byte
	mapped  []byte // what to return to the system, nil for the Go heap and imported memory
	purpose kernel.Purpose
	freed   atomic.Bool
	bytes   int64
}

func (d *Device) Alloc(bytes int64, p kernel.Purpose) (kernel.Buffer, error) {
	if bytes < 0 || p >= kernel.Purposes {
		return nil, fmt.Errorf("cpu: alloc: want bytes >= 0 and a known purpose, had %d, %v", bytes, p)
	}
	if bytes > maxAlloc {
		return nil, fmt.Errorf("cpu: alloc: %w: %d bytes for %v, at most %d", kernel.ErrNoMemory, bytes, p, maxAlloc)
	}
	b := &buffer{d: d, purpose: p, bytes: bytes}
	switch {
	case d.dry:
	case bytes >= bigBlock:
		m, err := mapMemory(bytes)
		if err != nil {
			return nil, fmt.Errorf("cpu: alloc: %w: %d bytes for %v: %v", kernel.ErrNoMemory, bytes, p, err)
		}
		b.data, b.mapped = m[:bytes:bytes], m
	case bytes > 0:
		f := aligned(int(bytes+3) / 4)
		b.data = unsafe.Slice((*byte)(unsafe.Pointer(&f[0])), bytes)
	}
	d.use(p, bytes)
	return b, nil
}

func (d *Device) Import(data []byte, p kernel.Purpose) (kernel.Buffer, error) {
	if p >= kernel.Purposes {
		return nil, fmt.Errorf("cpu: import: want a known purpose, had %v", p)
	}
	b := &buffer{d: d, purpose: p, bytes: int64(len(data))}
	if !d.dry {
		b.data = data[:len(data):len(data)]
	}
	d.use(p, b.bytes)
	return b, nil
}

func (b *buffer) Bytes() int64 { return b.bytes }

func (b *buffer) Write(off int64, p []byte) error {
	if err := b.within("write", off, int64(len(p))); err != nil {
		return err
	}
	if !b.d.dry {
		copy(b.data[off:], p)
	}
	return nil
}

func (b *buffer) Read(off int64, p []byte) error {
	if err := b.within("read", off, int64(len(p))); err != nil {
		return err
	}
	if b.d.dry {
		clear(p)
	} else {
		copy(p, b.data[off:])
	}
	return nil
}

func (b *buffer) within(what string, off, n int64) error {
	if b.freed.Load() {
		return fmt.Errorf("cpu: %s: want a live buffer, had a freed one", what)
	}
	if off < 0 || off > b.bytes || n > b.bytes-off {
		return fmt.Errorf("cpu: %s: want a range inside %d bytes, had offset %d, %d bytes", what, b.bytes, off, n)
	}
	return nil
}

func (b *buffer) Free() {
	if b.freed.Swap(true) {
		return
	}
	b.d.use(b.purpose, -b.bytes)
	if b.mapped != nil {
		unmapMemory(b.mapped)
	}
	b.data, b.mapped = nil, nil
}
