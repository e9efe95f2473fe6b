//go:build !linux

package cpu

import (
	"errors"
	"unsafe"
)

// mapMemory returns n zeroed bytes that start at a multiple of 64.
func mapMemory(n int64) ([]byte, error) {
	if n > 1<<40 {
		return nil, errors.New("more than a tebibyte")
	}
	f := aligned(int(n+3) / 4)
	return unsafe.Slice((*byte)(unsafe.Pointer(&f[0])), n), nil
}

func unmapMemory([]byte) {}

// systemMemory returns the bytes of RAM, or 0 if unknown.
func systemMemory() int64 { return 0 }
