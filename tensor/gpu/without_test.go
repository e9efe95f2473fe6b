//go:build !cgo || novulkan

package gpu

import (
	"errors"
	"testing"

	"github.com/vulora/vulora/tensor/kernel"
)

const built = false

func TestWithout(t *testing.T) {
	if _, err := Devices(); !errors.Is(err, kernel.ErrNoDevice) {
		t.Errorf("Devices: want %v, have %v", kernel.ErrNoDevice, err)
	}
	if _, err := Open(Options{}); !errors.Is(err, kernel.ErrNoDevice) {
		t.Errorf("Open: want %v, have %v", kernel.ErrNoDevice, err)
	}
}
