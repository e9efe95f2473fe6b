//go:build cgo && !novulkan && !386 && !arm

package vk

/*
#cgo CFLAGS: -std=gnu11 -O2 -Wall
#cgo linux LDFLAGS: -ldl
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"unsafe"
)

// A handle is a Vulkan object.
type handle = uint64

// A loader is the process's connection to Vulkan: one instance, which lives as long as the process, since drivers are
// slow to load and do not survive being unloaded.
type loader struct {
	instance     uintptr
	featureNames []string
}

var openLoader = sync.OnceValues(func() (*loader, error) {
	path := os.Getenv("VULORA_VULKAN_LIBRARY")
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	proc := C.shim_load(cpath)
	if proc == nil && path != "" {
		return nil, fmt.Errorf("vk: %w: VULORA_VULKAN_LIBRARY=%s cannot be opened", ErrNoDevice, path)
	}
	if proc == nil {
		return nil, fmt.Errorf("vk: %w: no Vulkan loader found; %s", ErrNoDevice, advice[runtime.GOOS])
	}
	l := &loader{}
	var instance C.uintptr_t
	if r := result(C.shim_instance(proc, &instance)); r != success {
		return nil, fmt.Errorf("vk: %w: the Vulkan loader finds no driver for Vulkan 1.1 or later (%v)", ErrNoDevice, r)
	}
	l.instance = uintptr(instance)
	for i := C.uint32_t(0); C.shim_feature_name(i) != nil; i++ {
		l.featureNames = append(l.featureNames, C.GoString(C.shim_feature_name(i)))
	}
	return l, plainInit(proc, l.instance)
})

var advice = map[string]string{
	"linux":   "install the package libvulkan1 (vulkan-loader) and your GPU's driver",
	"windows": "install your GPU's driver",
	"darwin":  "install MoltenVK",
}

// A physical device with everything known about it.
type physical struct {
	info     Info
	handle   uintptr
	family   uint32
	types    []memoryType
	heapSize []int64
	cacheID  [16]byte
}

// Devices lists the devices of this machine that can be used, in the loader's order. The error wraps ErrNoDevice if
// there are none, and says why.
func Devices() ([]Info, error) {
	l, err := openLoader()
	if err != nil {
		return nil, err
	}
	all, err := l.physical()
	if err != nil {
		return nil, err
	}
	infos := make([]Info, len(all))
	for i := range all {
		infos[i] = all[i].info
	}
	return infos, nil
}

func (l *loader) physical() ([]physical, error) {
	var found [64]C.uintptr_t
	n := C.uint32_t(len(found))
	if r := result(C.shim_physical_devices(C.uintptr_t(l.instance), &found[0], &n)); r < success {
		return nil, fmt.Errorf("vk: %w: list devices: %v", ErrNoDevice, r)
	}
	var all []physical
	var refused error
	for _, h := range found[:n] {
		p, err := l.describe(uintptr(h))
		if err != nil {
			refused = errors.Join(refused, err)
			continue
		}
		p.info.Index = len(all)
		all = append(all, p)
	}
	if len(all) == 0 && refused == nil {
		return nil, fmt.Errorf("vk: %w: the Vulkan loader lists none", ErrNoDevice)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("vk: %w: none is usable: %w", ErrNoDevice, refused)
	}
	return all, nil
}

func (l *loader) describe(h uintptr) (physical, error) {
	c := (*C.shim_info)(C.calloc(1, C.sizeof_shim_info))
	if c == nil {
		return physical{}, result(-1).err("describe device")
	}
	defer C.free(unsafe.Pointer(c))
	if r := result(C.shim_describe(C.uintptr_t(l.instance), C.uintptr_t(h), c)); r != success {
		return physical{}, fmt.Errorf("%q: needs Vulkan 1.1 and a compute queue (%v)", text(&c.name), r)
	}
	p := physical{handle: h, family: uint32(c.queue_family)}
	p.info = Info{
		Name: text(&c.name), Vendor: uint32(c.vendor), DeviceID: uint32(c.device),
		API: uint32(c.api), Driver: text(&c.driver), DriverVersion: uint32(c.driver_version),
		Features: featureSet(uint64(c.features), l.featureNames),
	}
	if c.kind <= C.uint32_t(CPU) {
		p.info.Kind = Kind(c.kind)
	}
	if v := text(&c.driver_info); v != "" {
		p.info.Driver += " " + v
	}
	for i := range p.info.UUID {
		p.info.UUID[i], p.cacheID[i] = byte(c.uuid[i]), byte(c.cache_uuid[i])
	}
	p.describeMemory(c)
	p.info.Limits = limits(c)
	for _, m := range c.matrix[:c.matrices] {
		p.info.Matrices = append(p.info.Matrices, MatrixShape{
			M: int(m.m), N: int(m.n), K: int(m.k), A: Component(m.a), B: Component(m.b), C: Component(m.c),
			Result: Component(m.r), Workgroup: m.scope == 2, Saturating: m.saturating != 0, Flexible: m.flexible != 0,
			Invocations: int(m.invocations),
		})
	}
	return p, nil
}

func (p *physical) describeMemory(c *C.shim_info) {
	for i := range min(int(c.heaps), len(c.heap_size)) {
		bytes := clamp(uint64(c.heap_size[i]))
		p.heapSize = append(p.heapSize, bytes)
		if c.heap_flags[i]&C.VK_MEMORY_HEAP_DEVICE_LOCAL_BIT != 0 && bytes > p.info.Memory {
			p.info.Memory = bytes
		}
	}
	for i := range min(int(c.types), len(c.type_flags)) {
		heap := min(int(c.type_heap[i]), len(p.heapSize)-1)
		p.types = append(p.types, memoryType{flags: uint32(c.type_flags[i]), heap: heap, bytes: p.heapSize[heap]})
	}
}

func limits(c *C.shim_info) Limits {
	l := Limits{
		MaxBufferRange: clamp(uint64(c.max_range)), MaxAllocation: clamp(uint64(c.max_allocation)),
		OffsetAlignment: max(int(c.offset_alignment), 4), MaxBindings: int(c.max_bindings),
		MaxPush: int(c.max_push), MaxSharedMemory: int(c.max_shared), MaxInvocations: int(c.max_invocations),
		SubgroupSize: int(c.subgroup), MinSubgroup: int(c.min_subgroup), MaxSubgroup: int(c.max_subgroup),
		TimestampPeriod: float64(c.timestamp_period), TimestampBits: int(c.timestamp_bits),
	}
	if c.max_buffer != 0 {
		l.MaxAllocation = min(l.MaxAllocation, clamp(uint64(c.max_buffer)))
	}
	for i := range 3 {
		l.MaxGroupSize[i], l.MaxGroups[i] = int(c.max_group_size[i]), int(c.max_groups[i])
	}
	return l
}

// clamp returns n as a signed size, a little less than the largest so that rounding up cannot overflow.
func clamp(n uint64) int64 { return int64(min(n, 1<<62)) }

func text(c *[256]C.char) string {
	b := C.GoBytes(unsafe.Pointer(c), C.int(len(c)))
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
