//go:build cgo && !novulkan && !386 && !arm && ((!linux && !windows) || android || vulora_shim)

package vk

/*
#include "shim_plain.h"
*/
import "C"

import "unsafe"

// The plain calls of plain.go without vulkan-go, which on these systems links a Vulkan library at build time. The tag
// vulora_shim chooses them elsewhere, so that they can be tested.

func plainInit(getInstanceProcAddr unsafe.Pointer, instance uintptr) error {
	return result(C.plain_load(C.uintptr_t(instance))).err("load entry points")
}

func createBuffer(d uintptr, bytes int64) (handle, result) {
	var b C.uint64_t
	r := C.plain_create_buffer(C.uintptr_t(d), C.uint64_t(bytes), &b)
	return handle(b), result(r)
}

func destroyBuffer(d uintptr, b handle) { C.plain_destroy_buffer(C.uintptr_t(d), C.uint64_t(b)) }

func bufferNeeds(d uintptr, b handle) (bytes int64, types uint32) {
	var t C.uint32_t
	n := C.plain_buffer_needs(C.uintptr_t(d), C.uint64_t(b), &t)
	return int64(n), uint32(t)
}

func allocateMemory(d uintptr, bytes int64, memoryType int) (handle, result) {
	var m C.uint64_t
	r := C.plain_allocate(C.uintptr_t(d), C.uint64_t(bytes), C.uint32_t(memoryType), &m)
	return handle(m), result(r)
}

func freeMemory(d uintptr, m handle) { C.plain_free(C.uintptr_t(d), C.uint64_t(m)) }

func bindMemory(d uintptr, b, m handle) result {
	return result(C.plain_bind(C.uintptr_t(d), C.uint64_t(b), C.uint64_t(m)))
}

func mapMemory(d uintptr, m handle) (unsafe.Pointer, result) {
	var p unsafe.Pointer
	r := C.plain_map(C.uintptr_t(d), C.uint64_t(m), &p)
	return p, result(r)
}

func createFence(d uintptr) (handle, result) {
	var f C.uint64_t
	r := C.plain_create_fence(C.uintptr_t(d), &f)
	return handle(f), result(r)
}

func destroyFence(d uintptr, f handle) { C.plain_destroy_fence(C.uintptr_t(d), C.uint64_t(f)) }

func createCommandPool(d uintptr, family uint32) (handle, result) {
	var p C.uint64_t
	r := C.plain_create_command_pool(C.uintptr_t(d), C.uint32_t(family), &p)
	return handle(p), result(r)
}

func destroyCommandPool(d uintptr, p handle) {
	C.plain_destroy_command_pool(C.uintptr_t(d), C.uint64_t(p))
}

func createTimestamps(d uintptr, n int) (handle, result) {
	var q C.uint64_t
	r := C.plain_create_timestamps(C.uintptr_t(d), C.uint32_t(n), &q)
	return handle(q), result(r)
}

func destroyTimestamps(d uintptr, q handle) {
	C.plain_destroy_timestamps(C.uintptr_t(d), C.uint64_t(q))
}

func readTimestamps(d uintptr, q handle, ticks []uint64) result {
	return result(C.plain_read_timestamps(C.uintptr_t(d), C.uint64_t(q), C.uint32_t(len(ticks)),
		(*C.uint64_t)(&ticks[0])))
}

func waitIdle(d uintptr) result { return result(C.plain_wait_idle(C.uintptr_t(d))) }

func destroyPipeline(d uintptr, p handle) { C.plain_destroy_pipeline(C.uintptr_t(d), C.uint64_t(p)) }

func destroyLayouts(d uintptr, set, layout handle) {
	C.plain_destroy_layouts(C.uintptr_t(d), C.uint64_t(set), C.uint64_t(layout))
}

func destroyDescriptors(d uintptr, pool handle) {
	C.plain_destroy_descriptors(C.uintptr_t(d), C.uint64_t(pool))
}

func destroyPipelineCache(d uintptr, c handle) { C.plain_destroy_cache(C.uintptr_t(d), C.uint64_t(c)) }

func pipelineCacheData(d uintptr, c handle) ([]byte, result) {
	var n C.size_t
	r := C.plain_cache_data(C.uintptr_t(d), C.uint64_t(c), &n, nil)
	if r != 0 || n == 0 {
		return nil, result(r)
	}
	data := make([]byte, n)
	r = C.plain_cache_data(C.uintptr_t(d), C.uint64_t(c), &n, unsafe.Pointer(&data[0]))
	return data[:n], result(r)
}
