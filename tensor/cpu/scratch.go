package cpu

import (
	"unsafe"

	"github.com/vulora/vulora/tensor/kernel"
)

// A scratch is memory that a kernel works in while it runs. From bigBlock on it lies outside the Go heap, whose
// collector would let garbage grow with it.
type scratch struct {
	*buffer
	elements int
}

// grow makes room for n elements of float32; what was there is lost.
func (s *scratch) grow(d *Device, n int) ([]float32, error) {
	if n <= s.elements {
		return s.floats(), nil
	}
	b, err := d.Alloc(4*int64(n), kernel.Staging)
	if err != nil {
		return s.floats(), err // programs compiled before still need it
	}
	s.free()
	s.buffer, s.elements = b.(*buffer), n
	return s.floats(), nil
}

// floats is nil on a dry device.
func (s *scratch) floats() []float32 {
	if s.buffer == nil || len(s.data) == 0 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&s.data[0])), s.elements)
}

func (s *scratch) free() {
	if s.buffer != nil {
		s.Free()
	}
	s.buffer, s.elements = nil, 0
}

// reserve makes scratch for a program: elements of float32 for each worker and for all of them together.
func (d *Device) reserve(each, shared int) (err error) {
	d.run.Lock()
	defer d.run.Unlock()
	for i, w := range d.pool.workers {
		if w.scratch, err = d.private[i].grow(d, each); err != nil {
			return err
		}
	}
	d.shared, err = d.common.grow(d, shared)
	return err
}

func (d *Device) freeScratch() {
	for i, w := range d.pool.workers {
		d.private[i].free()
		w.scratch = nil
	}
	d.common.free()
	d.shared = nil
}

// Dry returns a device like d without memory; see kernel.Device.
func (d *Device) Dry() kernel.Device {
	idle := &pool{}
	for id := range d.pool.workers {
		idle.workers = append(idle.workers, &worker{id: id})
	}
	return &Device{v: d.v, bf16: d.bf16, info: d.info, pool: idle, private: make([]scratch, len(idle.workers)), dry: true}
}
