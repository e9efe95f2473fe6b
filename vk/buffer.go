//go:build cgo && !novulkan && !386 && !arm

package vk

import (
	"fmt"
	"unsafe"
)

// A Buffer is a block of memory that shaders read and write.
type Buffer struct {
	d      *Device
	bytes  int64
	taken  int64 // bytes of memory
	handle handle
	memory handle
	mapped unsafe.Pointer // nil if the host cannot see it
	cached bool           // the host reads it fast

	// Under d.mu:
	users int  // transfers and commands in flight
	freed bool // no new users; released when the last is done
}

// Alloc returns a buffer of unknown contents.
func (d *Device) Alloc(bytes int64, m Memory) (*Buffer, error) {
	if err := d.alive("alloc"); err != nil {
		return nil, err
	}
	defer d.life.RUnlock()
	return d.alloc(bytes, m)
}

func (d *Device) alloc(bytes int64, m Memory) (*Buffer, error) {
	if bytes <= 0 {
		return nil, fmt.Errorf("vk: alloc: want at least one byte, have %d", bytes)
	}
	if bytes > d.info.Limits.MaxAllocation {
		return nil, fmt.Errorf("vk: alloc %d bytes: %w: %s allows %d in one buffer",
			bytes, ErrNoMemory, d.info.Name, d.info.Limits.MaxAllocation)
	}
	b := &Buffer{d: d, bytes: bytes}
	var r result
	// Shaders that read words or vectors of four may run over the end of a tensor, not over the end of a buffer.
	if b.handle, r = createBuffer(d.dev, (bytes+15)&^15); r != success {
		return nil, r.err("alloc %d bytes", bytes)
	}
	needs, allowed := bufferNeeds(d.dev, b.handle)
	r = result(-2)
	for _, t := range memoryOrder(d.types, d.info.Kind, m) {
		if allowed>>t&1 == 0 || needs > d.types[t].bytes {
			continue
		}
		b.memory, r = allocateMemory(d.dev, needs, t)
		if r == success {
			b.taken = needs
			r = b.attach(d.types[t].flags, m)
			break
		}
		if !r.outOfMemory() {
			break
		}
	}
	if r != success {
		destroyBuffer(d.dev, b.handle)
		if b.memory != 0 {
			freeMemory(d.dev, b.memory)
		}
		return nil, r.err("alloc %d bytes, with %d allocated", bytes, d.Usage())
	}
	d.usage.Add(b.taken)
	d.mu.Lock()
	d.buffers[b] = struct{}{}
	d.mu.Unlock()
	return b, nil
}

// attach binds the memory and maps it if the host can see it.
func (b *Buffer) attach(flags uint32, m Memory) result {
	if r := bindMemory(b.d.dev, b.handle, b.memory); r != success {
		return r
	}
	const mapped = memoryVisible | memoryCoherent
	if flags&mapped != mapped || m == DeviceLocal && b.d.options.NoHostMapping {
		return success
	}
	p, r := mapMemory(b.d.dev, b.memory)
	if r != success && m == DeviceLocal {
		return success // staging serves as well
	}
	b.mapped, b.cached = p, flags&memoryCached != 0
	return r
}

// Bytes returns the size that was asked of Alloc.
func (b *Buffer) Bytes() int64 { return b.bytes }

// Free frees the buffer; if commands in flight use it, when they are done. Freeing again does nothing.
func (b *Buffer) Free() {
	if b.d.enter("free") != nil {
		return
	}
	defer b.d.life.RUnlock()
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	b.freed = true
	if b.users == 0 {
		b.release()
	}
}

// release frees the memory. d.mu is held, or the device is closing.
func (b *Buffer) release() {
	if b.handle == 0 {
		return
	}
	destroyBuffer(b.d.dev, b.handle)
	freeMemory(b.d.dev, b.memory)
	b.handle, b.memory, b.mapped = 0, 0, nil
	b.d.usage.Add(-b.taken)
	delete(b.d.buffers, b)
}

// acquire keeps the buffer alive until drop, or says that it was freed. d.mu is held.
func (b *Buffer) acquire() bool {
	if b.freed {
		return false
	}
	b.users++
	return true
}

// drop ends a use. d.mu is held.
func (b *Buffer) drop() {
	b.users--
	if b.users == 0 && b.freed {
		b.release()
	}
}

// use checks a transfer and keeps the buffer alive for it; the caller calls done unless it returns an error.
func (b *Buffer) use(what string, off int64, n int) error {
	if err := b.d.alive(what); err != nil {
		return err
	}
	var err error
	b.d.mu.Lock()
	if off < 0 || off > b.bytes || int64(n) > b.bytes-off {
		err = fmt.Errorf("vk: %s: bytes %d+%d are outside of a buffer of %d", what, off, n, b.bytes)
	} else if !b.acquire() {
		err = fmt.Errorf("vk: %s: buffer %w", what, ErrClosed)
	}
	b.d.mu.Unlock()
	if err != nil {
		b.d.life.RUnlock()
	}
	return err
}

func (b *Buffer) done() {
	b.d.mu.Lock()
	b.drop()
	b.d.mu.Unlock()
	b.d.life.RUnlock()
}

// Write copies p to the buffer from byte off on. p may be reused when it returns. It does not wait for commands in
// flight.
func (b *Buffer) Write(off int64, p []byte) error {
	if err := b.use("write", off, len(p)); err != nil {
		return err
	}
	defer b.done()
	if b.mapped != nil {
		copy(unsafe.Slice((*byte)(unsafe.Add(b.mapped, off)), len(p)), p)
		return nil
	}
	return b.d.stage.write(b, off, p)
}

// smallRead is the most bytes that are read straight from memory the host does not cache; more go through staging.
const smallRead = 4 << 10

// Read copies from the buffer, from byte off on, to p. It does not wait for commands in flight.
func (b *Buffer) Read(off int64, p []byte) error {
	if err := b.use("read", off, len(p)); err != nil {
		return err
	}
	defer b.done()
	if b.mapped != nil && (b.cached || len(p) <= smallRead) {
		copy(p, unsafe.Slice((*byte)(unsafe.Add(b.mapped, off)), len(p)))
		return nil
	}
	return b.d.stage.read(b, off, p)
}

// Clear fills the buffer with zeros.
func (b *Buffer) Clear() error {
	if err := b.use("clear", 0, 0); err != nil {
		return err
	}
	defer b.done()
	if b.mapped != nil {
		clear(unsafe.Slice((*byte)(b.mapped), b.bytes))
		return nil
	}
	return b.d.stage.clear(b)
}
