package safetensors

import (
	"os"
	"syscall"
	"unsafe"
)

// Release tells the system that data of a mapped file will not be read soon, so that their memory may go to others.
// They stay valid: what is read again comes from the file. Other memory would lose its contents.
func Release(data []byte) {
	page := os.Getpagesize()
	if n := len(data); n > 0 {
		skip := -int(uintptr(unsafe.Pointer(&data[0]))) & (page - 1)
		data = data[min(skip, n):]
	}
	if n := len(data) &^ (page - 1); n > 0 {
		// A refusal costs memory that the system could have had back, and nothing else.
		_ = syscall.Madvise(data[:n], syscall.MADV_DONTNEED)
	}
}
