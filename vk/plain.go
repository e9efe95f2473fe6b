//go:build cgo && !novulkan && !386 && !arm && (linux || windows) && !android && !vulora_shim

package vk

import (
	"fmt"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// The plain calls, through vulkan-go: none takes a slice of structures, every structure given to C is freed after the
// call, and handles leave as integers, so that nothing else in the package depends on the binding.

func toDevice(d uintptr) vulkan.Device { return *(*vulkan.Device)(unsafe.Pointer(&d)) }

// as reinterprets a handle: both sides are 64 bits, and a pointer to an incomplete C type is not scanned by the
// garbage collector, whatever a driver puts into it.
func as[T any](h handle) T { return *(*T)(unsafe.Pointer(&h)) }

func from[T any](h T) handle { return *(*handle)(unsafe.Pointer(&h)) }

func plainInit(getInstanceProcAddr unsafe.Pointer, instance uintptr) error {
	vulkan.SetGetInstanceProcAddr(getInstanceProcAddr)
	if err := vulkan.Init(); err != nil {
		return fmt.Errorf("vk: load entry points: %w", err)
	}
	if err := vulkan.InitInstance(*(*vulkan.Instance)(unsafe.Pointer(&instance))); err != nil {
		return fmt.Errorf("vk: load entry points: %w", err)
	}
	return nil
}

func createBuffer(d uintptr, bytes int64) (handle, result) {
	info := vulkan.BufferCreateInfo{
		SType: vulkan.StructureTypeBufferCreateInfo,
		Size:  vulkan.DeviceSize(bytes),
		Usage: vulkan.BufferUsageFlags(vulkan.BufferUsageStorageBufferBit | vulkan.BufferUsageTransferSrcBit |
			vulkan.BufferUsageTransferDstBit),
		SharingMode: vulkan.SharingModeExclusive,
	}
	defer info.Free()
	var b vulkan.Buffer
	r := vulkan.CreateBuffer(toDevice(d), &info, nil, &b)
	return from(b), result(r)
}

func destroyBuffer(d uintptr, b handle) { vulkan.DestroyBuffer(toDevice(d), as[vulkan.Buffer](b), nil) }

// bufferNeeds returns the bytes of memory that a buffer takes and the memory types that it may be in.
func bufferNeeds(d uintptr, b handle) (bytes int64, types uint32) {
	var m vulkan.MemoryRequirements
	defer m.Free()
	vulkan.GetBufferMemoryRequirements(toDevice(d), as[vulkan.Buffer](b), &m)
	m.Deref()
	return int64(m.Size), m.MemoryTypeBits
}

func allocateMemory(d uintptr, bytes int64, memoryType int) (handle, result) {
	info := vulkan.MemoryAllocateInfo{
		SType:           vulkan.StructureTypeMemoryAllocateInfo,
		AllocationSize:  vulkan.DeviceSize(bytes),
		MemoryTypeIndex: uint32(memoryType),
	}
	defer info.Free()
	var m vulkan.DeviceMemory
	r := vulkan.AllocateMemory(toDevice(d), &info, nil, &m)
	return from(m), result(r)
}

func freeMemory(d uintptr, m handle) { vulkan.FreeMemory(toDevice(d), as[vulkan.DeviceMemory](m), nil) }

func bindMemory(d uintptr, b, m handle) result {
	return result(vulkan.BindBufferMemory(toDevice(d), as[vulkan.Buffer](b), as[vulkan.DeviceMemory](m), 0))
}

// mapMemory maps all of m until it is freed.
func mapMemory(d uintptr, m handle) (unsafe.Pointer, result) {
	var p unsafe.Pointer
	r := vulkan.MapMemory(toDevice(d), as[vulkan.DeviceMemory](m), 0, vulkan.DeviceSize(vulkan.WholeSize), 0, &p)
	return p, result(r)
}

func createFence(d uintptr) (handle, result) {
	info := vulkan.FenceCreateInfo{SType: vulkan.StructureTypeFenceCreateInfo}
	defer info.Free()
	var f vulkan.Fence
	r := vulkan.CreateFence(toDevice(d), &info, nil, &f)
	return from(f), result(r)
}

func destroyFence(d uintptr, f handle) { vulkan.DestroyFence(toDevice(d), as[vulkan.Fence](f), nil) }

func createCommandPool(d uintptr, family uint32) (handle, result) {
	info := vulkan.CommandPoolCreateInfo{
		SType:            vulkan.StructureTypeCommandPoolCreateInfo,
		Flags:            vulkan.CommandPoolCreateFlags(vulkan.CommandPoolCreateResetCommandBufferBit),
		QueueFamilyIndex: family,
	}
	defer info.Free()
	var p vulkan.CommandPool
	r := vulkan.CreateCommandPool(toDevice(d), &info, nil, &p)
	return from(p), result(r)
}

func destroyCommandPool(d uintptr, p handle) {
	vulkan.DestroyCommandPool(toDevice(d), as[vulkan.CommandPool](p), nil)
}

func createTimestamps(d uintptr, n int) (handle, result) {
	info := vulkan.QueryPoolCreateInfo{
		SType:      vulkan.StructureTypeQueryPoolCreateInfo,
		QueryType:  vulkan.QueryTypeTimestamp,
		QueryCount: uint32(n),
	}
	defer info.Free()
	var q vulkan.QueryPool
	r := vulkan.CreateQueryPool(toDevice(d), &info, nil, &q)
	return from(q), result(r)
}

func destroyTimestamps(d uintptr, q handle) {
	vulkan.DestroyQueryPool(toDevice(d), as[vulkan.QueryPool](q), nil)
}

// readTimestamps fills ticks with the first timestamps of q.
func readTimestamps(d uintptr, q handle, ticks []uint64) result {
	return result(vulkan.GetQueryPoolResults(toDevice(d), as[vulkan.QueryPool](q), 0, uint32(len(ticks)),
		uint(8*len(ticks)), unsafe.Pointer(&ticks[0]), 8,
		vulkan.QueryResultFlags(vulkan.QueryResult64Bit|vulkan.QueryResultWaitBit)))
}

func waitIdle(d uintptr) result { return result(vulkan.DeviceWaitIdle(toDevice(d))) }

func destroyPipeline(d uintptr, p handle) {
	vulkan.DestroyPipeline(toDevice(d), as[vulkan.Pipeline](p), nil)
}

func destroyLayouts(d uintptr, set, layout handle) {
	vulkan.DestroyPipelineLayout(toDevice(d), as[vulkan.PipelineLayout](layout), nil)
	vulkan.DestroyDescriptorSetLayout(toDevice(d), as[vulkan.DescriptorSetLayout](set), nil)
}

func destroyDescriptors(d uintptr, pool handle) {
	vulkan.DestroyDescriptorPool(toDevice(d), as[vulkan.DescriptorPool](pool), nil)
}

func destroyPipelineCache(d uintptr, c handle) {
	vulkan.DestroyPipelineCache(toDevice(d), as[vulkan.PipelineCache](c), nil)
}

// pipelineCacheData returns what the driver wants to keep.
func pipelineCacheData(d uintptr, c handle) ([]byte, result) {
	var n uint
	r := vulkan.GetPipelineCacheData(toDevice(d), as[vulkan.PipelineCache](c), &n, nil)
	if r != vulkan.Success || n == 0 {
		return nil, result(r)
	}
	data := make([]byte, n)
	r = vulkan.GetPipelineCacheData(toDevice(d), as[vulkan.PipelineCache](c), &n, unsafe.Pointer(&data[0]))
	return data[:n], result(r)
}
