//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly || windows)

package safetensors

import (
	"io"
	"os"
)

// mapFile reads the first n bytes of f: this system's mapping is not known to the standard library.
func mapFile(f *os.File, n int) ([]byte, func() error, error) {
	data := make([]byte, n)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, nil, err
	}
	return data, func() error { return nil }, nil
}
