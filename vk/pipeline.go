//go:build cgo && !novulkan && !386 && !arm

package vk

/*
#include "shim.h"
*/
import "C"

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"unsafe"
)

// A Pipeline is a compiled shader. It lives as long as its device.
type Pipeline struct {
	d      *Device
	name   string
	handle handle
	layout layout
	key    layoutKey
}

// A layout is what pipelines with the same number of bindings and bytes of push constants share.
type layout struct{ set, pipeline handle }

type layoutKey struct{ bindings, push int }

type pipelineKey [sha256.Size]byte

// A pipelineEntry is a pipeline that is made or being made.
type pipelineEntry struct {
	done     chan struct{} // closed when the rest is set
	pipeline *Pipeline
	err      error
}

// Pipeline compiles a shader, or returns the pipeline that was made of the same code, constants and sizes before. Any
// number may be made at once.
func (d *Device) Pipeline(c PipelineConfig) (*Pipeline, error) {
	if err := d.alive("pipeline " + c.Name); err != nil {
		return nil, err
	}
	defer d.life.RUnlock()
	if err := d.checkPipeline(c); err != nil {
		return nil, err
	}
	key := c.key()
	d.mu.Lock()
	e := d.pipelines[key]
	if e != nil {
		d.mu.Unlock()
		<-e.done
		return e.pipeline, e.err
	}
	e = &pipelineEntry{done: make(chan struct{})}
	d.pipelines[key] = e
	d.mu.Unlock()

	e.pipeline, e.err = d.compile(c)
	d.mu.Lock()
	if e.err != nil {
		delete(d.pipelines, key)
	} else {
		d.dirty = true
	}
	d.mu.Unlock()
	close(e.done)
	return e.pipeline, e.err
}

func (c PipelineConfig) key() pipelineKey {
	h := sha256.New()
	n := []uint32{uint32(c.Bindings), uint32(c.PushBytes), uint32(c.SubgroupSize), 0, uint32(len(c.Spec))}
	if c.FullSubgroups {
		n[3] = 1
	}
	var word [4]byte
	for _, v := range append(n, c.Spec...) {
		binary.LittleEndian.PutUint32(word[:], v)
		h.Write(word[:])
	}
	h.Write(c.SPIRV)
	return pipelineKey(h.Sum(nil))
}

func (d *Device) checkPipeline(c PipelineConfig) error {
	l, f := d.info.Limits, d.info.Features
	fail := func(format string, args ...any) error {
		return fmt.Errorf("vk: pipeline %s: %w", c.Name, fmt.Errorf(format, args...))
	}
	const magic = 0x07230203
	switch n := len(c.SPIRV); {
	case n < 20 || n%4 != 0:
		return fail("want SPIR-V of whole words, have %d bytes", n)
	case binary.NativeEndian.Uint32(c.SPIRV) != magic:
		return fail("want SPIR-V, have a file that begins with %x", c.SPIRV[:4])
	case c.Bindings < 0 || c.Bindings > l.MaxBindings:
		return fail("want 0 to %d bindings, have %d", l.MaxBindings, c.Bindings)
	case c.PushBytes < 0 || c.PushBytes%4 != 0:
		return fail("want push constants of whole words, have %d bytes", c.PushBytes)
	case c.PushBytes > l.MaxPush:
		return fail("%w: want at most %d bytes of push constants, have %d", ErrNoFeature, l.MaxPush, c.PushBytes)
	case c.FullSubgroups && !f.FullSubgroups:
		return fail("%w: full subgroups", ErrNoFeature)
	case c.SubgroupSize == 0:
		return nil
	case !f.SubgroupSize:
		return fail("%w: subgroup size %d", ErrNoFeature, c.SubgroupSize)
	case c.SubgroupSize < l.MinSubgroup || c.SubgroupSize > l.MaxSubgroup || c.SubgroupSize&(c.SubgroupSize-1) != 0:
		return fail("%w: want a subgroup size of %d to %d, have %d", ErrNoFeature, l.MinSubgroup, l.MaxSubgroup,
			c.SubgroupSize)
	}
	return nil
}

func (d *Device) compile(c PipelineConfig) (*Pipeline, error) {
	p := &Pipeline{d: d, name: c.Name, key: layoutKey{bindings: c.Bindings, push: c.PushBytes}}
	var r result
	if p.layout, r = d.layout(p.key); r != success {
		return nil, r.err("pipeline %s: layout", c.Name)
	}
	// The driver reads words: a slice of bytes may lie anywhere.
	words := make([]uint32, len(c.SPIRV)/4)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(c.SPIRV)), c.SPIRV)
	spec := append(slices.Clone(c.Spec), 0)
	full := C.uint32_t(0)
	if c.FullSubgroups {
		full = 1
	}
	var h C.uint64_t
	r = d.note(result(C.shim_pipeline(d.c, C.uint64_t(d.cache), C.uint64_t(p.layout.pipeline), unsafe.Pointer(&words[0]),
		C.size_t(len(c.SPIRV)), (*C.uint32_t)(&spec[0]), C.uint32_t(len(c.Spec)), C.uint32_t(c.SubgroupSize), full, &h)))
	p.handle = handle(h)
	if r != success {
		return nil, r.err("pipeline %s: compile", c.Name)
	}
	return p, nil
}

func (d *Device) layout(k layoutKey) (layout, result) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l, ok := d.layouts[k]; ok {
		return l, success
	}
	var set, pipeline C.uint64_t
	r := result(C.shim_layout(d.c, C.uint32_t(k.bindings), C.uint32_t(k.push), &set, &pipeline))
	l := layout{set: handle(set), pipeline: handle(pipeline)}
	if r == success {
		d.layouts[k] = l
	}
	return l, r
}
