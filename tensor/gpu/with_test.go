//go:build cgo && !novulkan

package gpu

// built tells whether this build has Vulkan.
const built = true
