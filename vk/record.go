//go:build cgo && !novulkan && !386 && !arm

package vk

/*
#include "shim.h"
*/
import "C"

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// A packing is a list of dispatches as the shim wants it: arrays without Go pointers.
type packing struct {
	launches []C.shim_launch
	owners   []int // of each launch, the dispatch that it is or is a part of
	sets     []C.shim_set
	ranges   []C.shim_range
	push     []byte
	submits  int
	limit    float64 // cost of a submit; not positive: none
	cost     float64 // of the submit that is being filled
}

// Record checks the dispatches and makes commands of them. What a dispatch reads of an earlier one needs Barrier on
// itself or on one between the two; commands as a whole are ordered.
func (d *Device) Record(list []Dispatch, o RecordOptions) (*Commands, error) {
	if err := d.alive("record"); err != nil {
		return nil, err
	}
	defer d.life.RUnlock()
	if o.Timestamps && !d.info.Features.Timestamps {
		return nil, fmt.Errorf("vk: record: %w: timestamps", ErrNoFeature)
	}
	// The buffers are held from here on: another goroutine may free them.
	c := &Commands{d: d, buffers: d.buffersOf(list)}
	if !c.acquire() {
		return nil, fmt.Errorf("vk: record: a buffer was freed: %w", ErrClosed)
	}
	p, err := d.pack(list, o)
	if err != nil {
		c.drop()
		return nil, err
	}
	c.commands = make([]C.uintptr_t, p.submits)
	r := c.record(p, o)
	d.mu.Lock()
	defer d.mu.Unlock()
	dropAll(c.buffers)
	if r != success {
		c.release()
		return nil, d.note(r).err("record %d dispatches", len(list))
	}
	d.commands[c] = struct{}{}
	return c, nil
}

// pack checks every dispatch and lays the list out. Equal bindings share a descriptor set.
func (d *Device) pack(list []Dispatch, o RecordOptions) (*packing, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("vk: record: want at least one dispatch")
	}
	p := &packing{limit: o.MaxCostPerSubmit}
	if p.limit == 0 {
		p.limit = d.info.Kind.CostPerSubmit()
	}
	sets := map[string]int{}
	var key []byte
	for i := range list {
		x := &list[i]
		if err := d.check(x); err != nil {
			return nil, fmt.Errorf("vk: record: dispatch %d %s: %w", i, x.Name, err)
		}
		key = binary.LittleEndian.AppendUint64(key[:0], x.Pipeline.layout.set)
		for _, b := range x.Bindings {
			key = binary.LittleEndian.AppendUint64(key, b.Buffer.handle)
			key = binary.LittleEndian.AppendUint64(key, uint64(b.Offset))
			key = binary.LittleEndian.AppendUint64(key, uint64(b.Bytes))
		}
		set, ok := sets[string(key)]
		if !ok {
			set = p.addSet(x)
			sets[string(key)] = set
		}
		p.addLaunches(i, x, set)
	}
	p.launches[len(p.launches)-1].last = 1
	p.submits++
	if len(p.push) == 0 {
		p.push = []byte{0}
	}
	if len(p.ranges) == 0 {
		p.ranges = make([]C.shim_range, 1)
	}
	return p, nil
}

// buffersOf returns the buffers of d that dispatches use, each once.
func (d *Device) buffersOf(list []Dispatch) (all []*Buffer) {
	known := map[*Buffer]bool{}
	for i := range list {
		for _, b := range list[i].Bindings {
			if b.Buffer != nil && b.Buffer.d == d && !known[b.Buffer] {
				known[b.Buffer] = true
				all = append(all, b.Buffer)
			}
		}
	}
	return all
}

// addLaunches adds dispatch i, in parts if it costs more than a submit may and can be divided.
func (p *packing) addLaunches(i int, x *Dispatch, set int) {
	parts := 1
	if x.Divisible && p.limit > 0 && x.Cost > p.limit {
		parts = int(min(math.Ceil(x.Cost/p.limit), float64(x.Groups[1])))
	}
	l := C.shim_launch{pipeline: C.uint64_t(x.Pipeline.handle), layout: C.uint64_t(x.Pipeline.layout.pipeline),
		set: C.uint32_t(set), push: C.uint32_t(len(p.push)), push_bytes: C.uint32_t(len(x.Push))}
	p.push = append(p.push, x.Push...)
	for j, g := range x.Groups {
		l.groups[j] = C.uint32_t(g)
	}
	if x.Barrier {
		l.barrier = 1
	}
	for part := range parts {
		from, to := uint64(x.Groups[1])*uint64(part)/uint64(parts), uint64(x.Groups[1])*uint64(part+1)/uint64(parts)
		l.base, l.groups[1] = C.uint32_t(from), C.uint32_t(to-from)
		cost := x.Cost / float64(parts)
		if n := len(p.launches); p.limit > 0 && n > 0 && p.cost+cost > p.limit {
			p.launches[n-1].last, p.cost = 1, 0
			p.submits++
		}
		p.cost += cost
		p.launches, p.owners = append(p.launches, l), append(p.owners, i)
		l.barrier = 0 // the parts write different places
	}
}

func (p *packing) addSet(x *Dispatch) int {
	p.sets = append(p.sets, C.shim_set{layout: C.uint64_t(x.Pipeline.layout.set), first: C.uint32_t(len(p.ranges)),
		count: C.uint32_t(len(x.Bindings))})
	for _, b := range x.Bindings {
		// Rounding up stays in the buffer, whose memory is rounded up further.
		p.ranges = append(p.ranges, C.shim_range{buffer: C.uint64_t(b.Buffer.handle), offset: C.uint64_t(b.Offset),
			bytes: C.uint64_t((b.Bytes + 3) &^ 3)})
	}
	return len(p.sets) - 1
}

// check says what is wrong with a dispatch.
func (d *Device) check(x *Dispatch) error {
	l := d.info.Limits
	if x.Pipeline == nil || x.Pipeline.d != d {
		return fmt.Errorf("want a pipeline of this device")
	}
	if len(x.Bindings) != x.Pipeline.key.bindings {
		return fmt.Errorf("%s wants %d bindings, have %d", x.Pipeline.name, x.Pipeline.key.bindings, len(x.Bindings))
	}
	if len(x.Push) != x.Pipeline.key.push {
		return fmt.Errorf("%s wants %d bytes of push constants, have %d", x.Pipeline.name, x.Pipeline.key.push, len(x.Push))
	}
	for i, g := range x.Groups {
		if g == 0 || int64(g) > int64(l.MaxGroups[i]) {
			return fmt.Errorf("want 1 to %d workgroups along %c, have %d", l.MaxGroups[i], "xyz"[i], g)
		}
	}
	for i, b := range x.Bindings {
		switch {
		case b.Buffer == nil || b.Buffer.d != d:
			return fmt.Errorf("binding %d: want a buffer of this device", i)
		case b.Bytes <= 0 || b.Offset < 0 || b.Offset > b.Buffer.bytes || b.Bytes > b.Buffer.bytes-b.Offset:
			return fmt.Errorf("binding %d: bytes %d+%d are outside of a buffer of %d", i, b.Offset, b.Bytes, b.Buffer.bytes)
		case b.Offset%int64(l.OffsetAlignment) != 0:
			return fmt.Errorf("binding %d: want an offset of a multiple of %d, have %d", i, l.OffsetAlignment, b.Offset)
		case b.Bytes > l.MaxBufferRange:
			return fmt.Errorf("binding %d: want at most %d bytes, have %d", i, l.MaxBufferRange, b.Bytes)
		}
	}
	return nil
}

// record makes the Vulkan objects. What it made before a failure is released by the caller.
func (c *Commands) record(p *packing, o RecordOptions) (r result) {
	d := c.d
	if c.fence, r = createFence(d.dev); r != success {
		return r
	}
	if c.pool, r = createCommandPool(d.dev, d.family); r != success {
		return r
	}
	if o.Timestamps {
		c.marks(p)
		if c.queries, r = createTimestamps(d.dev, len(p.launches)+p.submits); r != success {
			return r
		}
	}
	sets := make([]C.uint64_t, len(p.sets))
	var pool C.uint64_t
	r = result(C.shim_descriptors(d.c, &p.sets[0], C.uint32_t(len(p.sets)), &p.ranges[0], &pool, &sets[0]))
	c.descriptors = handle(pool)
	if r != success {
		return r
	}
	return result(C.shim_record(d.c, C.uint64_t(c.pool), C.uint64_t(c.queries), &p.launches[0],
		C.uint32_t(len(p.launches)), &sets[0], (*C.uint8_t)(unsafe.Pointer(&p.push[0])), &c.commands[0],
		C.uint32_t(len(c.commands))))
}

// marks notes for each launch its dispatch and the index of the timestamp at its end: one per launch, and a start per
// submit.
func (c *Commands) marks(p *packing) {
	submit := 0
	for i := range p.launches {
		c.ends = append(c.ends, mark{dispatch: p.owners[i], end: i + submit + 1})
		submit += int(p.launches[i].last)
	}
}
