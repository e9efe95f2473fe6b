//go:build !cgo || novulkan || 386 || arm

package vk

import (
	"fmt"
	"time"
)

var errBuiltWithout = fmt.Errorf("vk: %w: built without Vulkan (no cgo, tag novulkan, or a 32-bit target)", ErrNoDevice)

// Devices lists the Vulkan devices of this machine.
func Devices() ([]Info, error) { return nil, errBuiltWithout }

// Open opens a device.
func Open(index int, o Options) (*Device, error) { return nil, errBuiltWithout }

// A Device is an open Vulkan device.
type Device struct{}

// Info describes the device.
func (d *Device) Info() Info { return Info{} }

// Alloc returns a buffer.
func (d *Device) Alloc(bytes int64, m Memory) (*Buffer, error) { return nil, errBuiltWithout }

// Usage returns the bytes of memory that the device's buffers take.
func (d *Device) Usage() int64 { return 0 }

// Pipeline compiles a shader.
func (d *Device) Pipeline(c PipelineConfig) (*Pipeline, error) { return nil, errBuiltWithout }

// Record makes commands of dispatches.
func (d *Device) Record(list []Dispatch, o RecordOptions) (*Commands, error) {
	return nil, errBuiltWithout
}

// Close frees everything.
func (d *Device) Close() error { return nil }

// A Buffer is a block of memory.
type Buffer struct{}

// Bytes returns the size.
func (b *Buffer) Bytes() int64 { return 0 }

// Write copies p to the buffer.
func (b *Buffer) Write(off int64, p []byte) error { return errBuiltWithout }

// Read copies from the buffer to p.
func (b *Buffer) Read(off int64, p []byte) error { return errBuiltWithout }

// Clear fills the buffer with zeros.
func (b *Buffer) Clear() error { return errBuiltWithout }

// Free frees the buffer.
func (b *Buffer) Free() {}

// A Pipeline is a compiled shader.
type Pipeline struct{}

// Commands are recorded dispatches.
type Commands struct{}

// Submit starts the commands.
func (c *Commands) Submit() error { return errBuiltWithout }

// Wait waits for them.
func (c *Commands) Wait() error { return errBuiltWithout }

// Run is Submit and Wait.
func (c *Commands) Run() error { return errBuiltWithout }

// Submits returns the number of submits that the commands are split into.
func (c *Commands) Submits() int { return 0 }

// Times returns the duration of each dispatch.
func (c *Commands) Times() ([]time.Duration, error) { return nil, errBuiltWithout }

// Close frees the commands.
func (c *Commands) Close() {}
