package gpu

import (
	"fmt"
	"sync/atomic"

	"github.com/vulora/vulora/tensor/kernel"
	"github.com/vulora/vulora/vk"
)

// buffer is a kernel.Buffer.
type buffer struct {
	vk      *vk.Buffer // nil on a dry device
	d       *Device
	bytes   int64
	purpose kernel.Purpose
	freed   atomic.Bool
}

// Alloc returns zeroed memory. Its error is kernel.ErrNoMemory when there is not enough.
func (d *Device) Alloc(bytes int64, p kernel.Purpose) (kernel.Buffer, error) {
	b, err := d.alloc(bytes, p)
	if err != nil {
		return nil, err
	}
	if d.dry {
		return b, nil
	}
	if err := b.vk.Clear(); err != nil {
		b.Free()
		return nil, fmt.Errorf("gpu: alloc %d bytes for %v: %w", bytes, p, translate(err))
	}
	return b, nil
}

// Import returns a buffer with a copy of data.
func (d *Device) Import(data []byte, p kernel.Purpose) (kernel.Buffer, error) {
	b, err := d.alloc(int64(len(data)), p)
	if err != nil {
		return nil, err
	}
	if err := b.Write(0, data); err != nil {
		b.Free()
		return nil, err
	}
	return b, nil
}

func (d *Device) alloc(bytes int64, p kernel.Purpose) (*buffer, error) {
	if bytes <= 0 || bytes > d.info.MaxAlloc {
		return nil, fmt.Errorf("gpu: alloc for %v: want 1 to %d bytes, have %d: %w",
			p, d.info.MaxAlloc, bytes, kernel.ErrNoMemory)
	}
	if p >= kernel.Purposes {
		return nil, fmt.Errorf("gpu: alloc %d bytes: want a purpose, have %d", bytes, uint8(p))
	}
	where := vk.DeviceLocal
	if p == kernel.Staging {
		where = vk.HostVisible
	}
	var v *vk.Buffer
	if !d.dry {
		var err error
		if v, err = d.vk.Alloc(bytes, where); err != nil {
			return nil, fmt.Errorf("gpu: alloc %d bytes for %v: %w", bytes, p, translate(err))
		}
	}
	d.used[p].Add(bytes)
	return &buffer{vk: v, d: d, bytes: bytes, purpose: p}, nil
}

// Bytes returns the size.
func (b *buffer) Bytes() int64 { return b.bytes }

// Write copies p to the buffer from byte off on.
func (b *buffer) Write(off int64, p []byte) error {
	if err := b.check(off, int64(len(p))); err != nil {
		return fmt.Errorf("gpu: write: %w", err)
	}
	if b.d.dry {
		return nil
	}
	if err := b.vk.Write(off, p); err != nil {
		return fmt.Errorf("gpu: write: %w", translate(err))
	}
	return nil
}

// Read copies the buffer from byte off on to p.
func (b *buffer) Read(off int64, p []byte) error {
	if err := b.check(off, int64(len(p))); err != nil {
		return fmt.Errorf("gpu: read: %w", err)
	}
	if b.d.dry {
		clear(p)
		return nil
	}
	if err := b.vk.Read(off, p); err != nil {
		return fmt.Errorf("gpu: read: %w", translate(err))
	}
	return nil
}

func (b *buffer) check(off, n int64) error {
	if b.freed.Load() {
		return fmt.Errorf("want a live buffer, have one of %d bytes that was freed", b.bytes)
	}
	if off < 0 || n > b.bytes || off > b.bytes-n {
		return fmt.Errorf("want a range within %d bytes, have %d from %d on", b.bytes, n, off)
	}
	return nil
}

// Free returns the memory. It is idempotent.
func (b *buffer) Free() {
	if b.freed.Swap(true) {
		return
	}
	b.d.used[b.purpose].Add(-b.bytes)
	if b.vk != nil {
		b.vk.Free()
	}
}

// bind returns the range of Vulkan memory that an operand is.
func (d *Device) bind(r kernel.Range) (vk.Range, error) {
	b, ok := r.Buffer.(*buffer)
	if !ok || b == nil || b.d != d {
		return vk.Range{}, fmt.Errorf("want a buffer of this device, have %T", r.Buffer)
	}
	if r.Offset%d.info.Alignment != 0 {
		return vk.Range{}, fmt.Errorf("want an offset that is a multiple of %d, have %d", d.info.Alignment, r.Offset)
	}
	if err := b.check(r.Offset, r.Bytes); err != nil {
		return vk.Range{}, err
	}
	return vk.Range{Buffer: b.vk, Offset: r.Offset, Bytes: r.Bytes}, nil
}
