package safetensors

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// mapFile maps the first n > 0 bytes of f read-only. The mapping outlives f.
func mapFile(f *os.File, n int) ([]byte, func() error, error) {
	size := uint64(n)
	h, err := windows.CreateFileMapping(windows.Handle(f.Fd()), nil, windows.PAGE_READONLY,
		uint32(size>>32), uint32(size), nil)
	if err != nil {
		return nil, nil, err
	}
	defer windows.CloseHandle(h) // The view keeps the mapping.
	addr, err := windows.MapViewOfFile(h, windows.FILE_MAP_READ, 0, 0, uintptr(n))
	if err != nil {
		return nil, nil, err
	}
	// Through a pointer to addr, because vet takes a direct conversion of an integer for a mistake: this memory is not
	// Go's.
	data := unsafe.Slice(*(**byte)(unsafe.Pointer(&addr)), n)
	return data, func() error { return windows.UnmapViewOfFile(addr) }, nil
}
