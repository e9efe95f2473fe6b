package vk

import "fmt"

// A result is a VkResult.
type result int32

const (
	success result = 0
	timeout result = 2
)

var resultNames = map[result]string{
	1: "VK_NOT_READY", 2: "VK_TIMEOUT", 5: "VK_INCOMPLETE",
	-1: "VK_ERROR_OUT_OF_HOST_MEMORY", -2: "VK_ERROR_OUT_OF_DEVICE_MEMORY", -3: "VK_ERROR_INITIALIZATION_FAILED",
	-4: "VK_ERROR_DEVICE_LOST", -5: "VK_ERROR_MEMORY_MAP_FAILED", -6: "VK_ERROR_LAYER_NOT_PRESENT",
	-7: "VK_ERROR_EXTENSION_NOT_PRESENT", -8: "VK_ERROR_FEATURE_NOT_PRESENT", -9: "VK_ERROR_INCOMPATIBLE_DRIVER",
	-10: "VK_ERROR_TOO_MANY_OBJECTS", -12: "VK_ERROR_FRAGMENTED_POOL", -13: "VK_ERROR_UNKNOWN",
	-1000012000: "VK_ERROR_INVALID_SHADER_NV", -1000069000: "VK_ERROR_OUT_OF_POOL_MEMORY",
	-1000161000: "VK_ERROR_FRAGMENTATION", -1000174001: "VK_ERROR_NOT_PERMITTED",
}

func (r result) String() string {
	if s := resultNames[r]; s != "" {
		return s
	}
	return fmt.Sprintf("VkResult %d", int32(r))
}

// outOfMemory reports whether another memory type could help.
func (r result) outOfMemory() bool { return r == -1 || r == -2 || r == -10 || r == -1000161000 }

// err returns nil for success, else an error that wraps one of the package's and says what was done.
func (r result) err(format string, args ...any) error {
	if r == success {
		return nil
	}
	what := fmt.Sprintf(format, args...)
	switch r {
	case -1, -2, -5, -10, -12, -1000069000, -1000161000:
		return fmt.Errorf("vk: %s: %w (%v)", what, ErrNoMemory, r)
	case -4, timeout:
		return fmt.Errorf("vk: %s: %w (%v)", what, ErrDeviceLost, r)
	case -6, -7, -8:
		return fmt.Errorf("vk: %s: %w (%v)", what, ErrNoFeature, r)
	case -9:
		return fmt.Errorf("vk: %s: %w (%v)", what, ErrNoDevice, r)
	}
	return fmt.Errorf("vk: %s: %v", what, r)
}
