//go:build cgo && !novulkan && !386 && !arm

package vk

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// A Device is an open Vulkan device with one queue. It may be used by many goroutines.
type Device struct {
	physical
	instance uintptr
	options  Options
	timeout  uint64 // nanoseconds that a wait may take
	dev      uintptr
	c        *C.shim_device

	life   sync.RWMutex // read-locked while the device is used, locked by Close
	closed bool
	lost   atomic.Bool // the driver said so
	hung   atomic.Bool // a wait timed out: work may still run, so nothing may be freed

	queue sync.Mutex // of vkQueueSubmit

	mu        sync.Mutex // of the following, and of what Buffer and Commands say
	buffers   map[*Buffer]struct{}
	commands  map[*Commands]struct{}
	layouts   map[layoutKey]layout
	pipelines map[pipelineKey]*pipelineEntry
	dirty     bool // pipelines were made since the cache was saved

	usage atomic.Int64
	stage stage
	cache handle
}

// Open opens the device that Devices lists at index.
func Open(index int, o Options) (*Device, error) {
	l, err := openLoader()
	if err != nil {
		return nil, err
	}
	all, err := l.physical()
	if err != nil {
		return nil, err
	}
	if index < 0 || index >= len(all) {
		return nil, fmt.Errorf("vk: open device %d: %w with this index, there are %d", index, ErrNoDevice, len(all))
	}
	d := &Device{
		physical: all[index], instance: l.instance, options: o,
		buffers: map[*Buffer]struct{}{}, commands: map[*Commands]struct{}{},
		layouts: map[layoutKey]layout{}, pipelines: map[pipelineKey]*pipelineEntry{},
	}
	d.info.Features = d.info.Features.without(o.Disable)
	switch {
	case o.WaitTimeout > 0:
		d.timeout = uint64(o.WaitTimeout)
	case d.info.Kind == CPU:
		d.timeout = math.MaxUint64
	default:
		d.timeout = uint64(5 * time.Minute)
	}
	features := C.uint64_t(featureMask(d.info.Features, l.featureNames))
	r := result(C.shim_device_new(C.uintptr_t(d.instance), C.uintptr_t(d.handle), C.uint32_t(d.family), features, &d.c))
	if r != success {
		return nil, r.err("open %q", d.info.Name)
	}
	d.dev = uintptr(C.shim_device_handle(d.c))
	if err := d.loadCache(); err != nil {
		C.shim_device_free(d.c)
		return nil, err
	}
	return d, nil
}

// Info describes the device; Features are those that Open enabled.
func (d *Device) Info() Info { return d.info }

// Usage returns the bytes of memory that the device's buffers take, with alignment and staging.
func (d *Device) Usage() int64 { return d.usage.Load() }

// enter begins a use of the device; the caller unlocks d.life for reading unless it returns an error.
func (d *Device) enter(what string) error {
	d.life.RLock()
	if !d.closed {
		return nil
	}
	d.life.RUnlock()
	return fmt.Errorf("vk: %s: device %w", what, ErrClosed)
}

// alive is enter for what needs a device that still works.
func (d *Device) alive(what string) error {
	if err := d.enter(what); err != nil {
		return err
	}
	if !d.lost.Load() {
		return nil
	}
	d.life.RUnlock()
	return fmt.Errorf("vk: %s: %w before", what, ErrDeviceLost)
}

// submit hands command buffers to the queue. fence is signalled after the last.
func (d *Device) submit(commands []C.uintptr_t, fence handle) result {
	d.queue.Lock()
	r := result(C.shim_submit(d.c, &commands[0], C.uint32_t(len(commands)), C.uint64_t(fence)))
	d.queue.Unlock()
	return d.note(r)
}

// wait waits for a fence. On a device that hangs it only looks: nobody waits for that twice.
func (d *Device) wait(fence handle) result {
	most := d.timeout
	if d.hung.Load() {
		most = 0
	}
	r := result(C.shim_wait(d.c, C.uint64_t(fence), C.uint64_t(most)))
	if !r.ended() {
		d.hung.Store(true)
	}
	return d.note(r)
}

// ended reports whether a wait with this result found the work at its end: done, or gone with the device.
func (r result) ended() bool { return r == success || r == -4 }

func (d *Device) note(r result) result {
	if r == -4 || r == timeout {
		d.lost.Store(true)
	}
	return r
}

// Close waits for work in flight, saves compiled pipelines if it can, and frees everything that belongs to the device.
// Closing again does nothing. The error is of work that never ended, whose memory cannot be freed.
func (d *Device) Close() error {
	d.life.Lock()
	defer d.life.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	if d.hung.Load() {
		return fmt.Errorf("vk: close: %w: its work never ended, so its memory stays", ErrDeviceLost)
	}
	d.queue.Lock()
	d.note(waitIdle(d.dev))
	d.queue.Unlock()
	if !d.lost.Load() {
		_ = d.saveCache() // a convenience: the next start compiles again
	}
	for c := range d.commands {
		c.release()
	}
	for b := range d.buffers {
		b.release()
	}
	d.stage.release(d)
	for _, e := range d.pipelines {
		if e.pipeline != nil {
			destroyPipeline(d.dev, e.pipeline.handle)
		}
	}
	for _, l := range d.layouts {
		destroyLayouts(d.dev, l.set, l.pipeline)
	}
	destroyPipelineCache(d.dev, d.cache)
	C.shim_device_free(d.c)
	d.c, d.dev = nil, 0
	return nil
}
