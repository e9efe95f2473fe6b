package vk

// Flags of VkMemoryType.
const (
	memoryLocal    = 1 << 0
	memoryVisible  = 1 << 1
	memoryCoherent = 1 << 2
	memoryCached   = 1 << 3
	memoryOrdinary = memoryLocal | memoryVisible | memoryCoherent | memoryCached
)

// A memoryType is where memory can be: flags and the bytes of its heap.
type memoryType struct {
	flags uint32
	heap  int
	bytes int64
}

// memoryOrder returns the memory types to try for m, best first.
//
// Device-local memory that the host can write needs no staging. On a device in the host's memory that is all of it; on
// others only where the whole heap is visible (resizable BAR): the usual window of 256 MB is better left to drivers.
// Memory of the host never stands in for device-local memory on a device that has its own: it would be silently slow.
// Mapped memory is always coherent, which Vulkan guarantees to exist, so nothing is ever flushed.
func memoryOrder(types []memoryType, k Kind, m Memory) (order []int) {
	const mapped = memoryVisible | memoryCoherent
	var largest int64
	for _, t := range types {
		if t.flags&memoryLocal != 0 {
			largest = max(largest, t.bytes)
		}
	}
	add := func(want, avoid uint32, ok func(memoryType) bool) {
		for i, t := range types {
			// Lazily allocated, protected and uncached types are none of ours.
			if t.flags&^memoryOrdinary != 0 || t.flags&want != want || t.flags&avoid != 0 || ok != nil && !ok(t) {
				continue
			}
			seen := false
			for _, o := range order {
				seen = seen || o == i
			}
			if !seen {
				order = append(order, i)
			}
		}
	}
	switch {
	case m == HostVisible && k.Unified():
		add(memoryLocal|mapped|memoryCached, 0, nil)
		add(mapped|memoryCached, 0, nil)
		add(mapped, 0, nil)
	case m == HostVisible:
		add(mapped|memoryCached, memoryLocal, nil)
		add(mapped|memoryCached, 0, nil)
		add(mapped, memoryLocal, nil)
		add(mapped, 0, nil)
	case k.Unified():
		add(memoryLocal|mapped|memoryCached, 0, nil)
		add(memoryLocal|mapped, 0, nil)
		add(memoryLocal, 0, nil)
		add(mapped, 0, nil)
	default:
		add(memoryLocal|mapped, 0, func(t memoryType) bool { return t.bytes >= largest })
		add(memoryLocal, memoryVisible, nil)
		add(memoryLocal, 0, nil)
	}
	return order
}
