//go:build !cgo || novulkan

package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

func vulkanInfos() ([]kernel.Info, error) {
	return nil, fmt.Errorf("%w: this build has no Vulkan", kernel.ErrNoDevice)
}

func openVulkan(int, OpenOptions) (Device, error) {
	_, err := vulkanInfos()
	return nil, err
}
