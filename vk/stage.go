//go:build cgo && !novulkan && !386 && !arm

package vk

/*
#include "shim.h"
*/
import "C"

import (
	"sync"
	"unsafe"
)

// A stage copies between the host and memory that it cannot see, through two slots that alternate: while the device
// copies one, the host fills or empties the other.
type stage struct {
	mu   sync.Mutex
	pool handle
	slot [2]slot
}

type slot struct {
	buffer   *Buffer
	fence    handle
	commands [1]C.uintptr_t
	busy     bool // submitted and not waited for
}

const slotBytes = 8 << 20

// open makes the slots at first use. s.mu is held.
func (s *stage) open(d *Device) error {
	if s.slot[1].commands[0] != 0 {
		return nil
	}
	var r result
	if s.pool == 0 {
		if s.pool, r = createCommandPool(d.dev, d.family); r != success {
			return r.err("create staging")
		}
	}
	for i := range s.slot {
		t := &s.slot[i]
		if t.buffer == nil {
			b, err := d.alloc(slotBytes, HostVisible)
			if err != nil {
				return err
			}
			t.buffer = b
		}
		if t.fence == 0 {
			if t.fence, r = createFence(d.dev); r != success {
				return r.err("create staging")
			}
		}
		if r = result(C.shim_command_buffer(d.c, C.uint64_t(s.pool), &t.commands[0])); r != success {
			return r.err("create staging")
		}
	}
	return nil
}

// release frees what is not a buffer; the device does that. The device is closing.
func (s *stage) release(d *Device) {
	for i := range s.slot {
		destroyFence(d.dev, s.slot[i].fence)
	}
	destroyCommandPool(d.dev, s.pool)
}

// copy starts a copy of n bytes in slot t; a source of 0 means zeros.
func (t *slot) copy(d *Device, src handle, srcOff int64, dst handle, dstOff, n int64) result {
	r := result(C.shim_copy(d.c, t.commands[0], C.uint64_t(src), C.uint64_t(srcOff), C.uint64_t(dst), C.uint64_t(dstOff),
		C.uint64_t(n)))
	if r == success {
		r = d.submit(t.commands[:], t.fence)
	}
	t.busy = r == success
	return r
}

func (t *slot) wait(d *Device) result {
	if !t.busy {
		return success
	}
	r := d.wait(t.fence)
	t.busy = !r.ended()
	return r
}

// drain waits for both slots and returns the first result that is not a success.
func (s *stage) drain(d *Device, r result) result {
	for i := range s.slot {
		if w := s.slot[i].wait(d); r == success {
			r = w
		}
	}
	return r
}

func (t *slot) memory(n int) []byte { return unsafe.Slice((*byte)(t.buffer.mapped), n) }

func (s *stage) write(b *Buffer, off int64, p []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(b.d); err != nil {
		return err
	}
	var r result
	for i := 0; len(p) > 0 && r == success; i++ {
		t, n := &s.slot[i%2], min(len(p), slotBytes)
		if r = t.wait(b.d); r == success {
			copy(t.memory(n), p)
			r = t.copy(b.d, t.buffer.handle, 0, b.handle, off, int64(n))
		}
		off, p = off+int64(n), p[n:]
	}
	return s.drain(b.d, r).err("write")
}

func (s *stage) read(b *Buffer, off int64, p []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(b.d); err != nil {
		return err
	}
	var r result
	var behind []byte // what the other slot brings
	for i := 0; r == success && (len(p) > 0 || len(behind) > 0); i++ {
		t, o, n := &s.slot[i%2], &s.slot[(i+1)%2], min(len(p), slotBytes)
		if n > 0 {
			r = t.copy(b.d, b.handle, off, t.buffer.handle, 0, int64(n))
		}
		if w := o.wait(b.d); r == success {
			r = w
		}
		if r == success {
			copy(behind, o.memory(len(behind)))
		}
		behind, off, p = p[:n], off+int64(n), p[n:]
	}
	return s.drain(b.d, r).err("read")
}

func (s *stage) clear(b *Buffer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(b.d); err != nil {
		return err
	}
	r := s.slot[0].copy(b.d, 0, 0, b.handle, 0, (b.bytes+15)&^15)
	return s.drain(b.d, r).err("clear")
}
