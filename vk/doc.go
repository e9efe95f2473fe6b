// Package vk runs compute shaders on Vulkan devices.
//
// It knows instances, devices and their features, memory, pipelines, recorded commands and timing. It does not know
// tensors, shapes or dtypes: a buffer is bytes, a shader is SPIR-V, a dispatch is a pipeline with ranges of buffers.
//
// It needs Vulkan 1.1 and no optional feature. The loader is opened at run time, so a process starts on a machine that
// has none, and Devices then returns ErrNoDevice. Without cgo or with the build tag novulkan the package is pure Go and
// has no devices.
//
// # Lifetimes
//
// A Device owns its pipelines, its staging memory and everything allocated or recorded on it. Close frees all of that,
// children first, after waiting for work in flight; later use of the device or of its children is an error. Buffers and
// Commands may be freed earlier. A buffer freed while commands that use it run lives until Commands.Wait; commands
// whose buffer was freed can no longer be submitted. Nothing is freed by the garbage collector.
//
// # Concurrency
//
// A Device may be used by many goroutines. Buffers may be written and read concurrently at disjoint places. Commands
// are for one goroutine at a time. Commands submitted to a device run in order of submission; Write and Read do not
// wait for them.
//
// # The two bindings
//
// Types, enumerations and plain calls come from github.com/vulkan-go/vulkan (plain.go; not on macOS, where it links
// MoltenVK at build time). Its calls that take slices of structures free their C copies from a finalizer that may run
// before or during the call, it ends at Vulkan 1.0, and it looks for the loader under a name that only development
// packages install. So the loader, those calls, everything newer and the hot path are in a small C shim (shim.h) with
// its own declarations (vulkan_min.h): building needs a C compiler and no Vulkan headers.
package vk
