//go:build !cgo || novulkan || 386 || arm

package vk

import (
	"errors"
	"strings"
	"testing"
)

func TestBuiltWithout(t *testing.T) {
	_, err := Devices()
	_, errOpen := Open(0, Options{})
	if !errors.Is(err, ErrNoDevice) || !errors.Is(errOpen, ErrNoDevice) ||
		!strings.Contains(err.Error(), "built without Vulkan") {
		t.Errorf("want ErrNoDevice, have %v and %v", err, errOpen)
	}
}
