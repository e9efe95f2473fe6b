// Package gpu is the Vulkan device of package tensor: it implements kernel.Device with the kernels of package shaders
// on the devices of package vk.
//
// It knows the contracts of the kernels (package tensor/kernel), the shaders and how each divides its work. It knows no
// Vulkan call, graph or plan. A table beside each family lists its kernels, what their contracts ask of a launch, and
// their variants, best first: the first that the device and the sizes allow is taken (lower.go). A launch that breaks
// its kernel's contract is an error when it is compiled, which names the kernel and the place; an index that is out of
// range while it runs reads and writes nothing, and a label that no column has makes the loss NaN.
//
// # Lifetimes
//
// Buffers and programs belong to the device that made them and must be freed before it is closed. A program does not
// own its operands.
//
// # Concurrency
//
// Alloc, Import, Compile and Usage may be called by several goroutines at once. A program is run by one at a time;
// programs of one device take turns.
package gpu
