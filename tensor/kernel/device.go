package kernel

import (
	"errors"
	"time"
)

// Errors that a device returns, always wrapped with what was asked of it.
var (
	ErrNoDevice   = errors.New("no such device")
	ErrNoMemory   = errors.New("out of device memory")
	ErrDeviceLost = errors.New("device lost")
	ErrNoFeature  = errors.New("feature missing on this device")
)

// A Purpose says what memory is for, so that usage can be reported by purpose.
type Purpose uint8

const (
	Weights     Purpose = iota // frozen parameters
	Adapter                    // trained parameters and their gradients
	Optimizer                  // moments
	Activations                // arenas of programs
	Cache                      // keys and values of generation
	Staging                    // step inputs, read-backs, kernel scratch
	Purposes                   // their number
)

func (p Purpose) String() string {
	return [...]string{"weights", "adapter", "optimizer", "activations", "cache", "staging", "?"}[min(p, Purposes)]
}

// Usage is allocated bytes by purpose.
type Usage [Purposes]int64

// Total returns the sum over all purposes.
func (u Usage) Total() (n int64) {
	for _, b := range u {
		n += b
	}
	return n
}

// Info describes a device.
type Info struct {
	Name   string // "AMD Radeon RX 7900 XTX", "CPU (AVX-512, 2 threads)"
	Kind   string // "cpu", "discrete", "integrated", "software", "virtual" or "other"
	Driver string // driver name and version; empty for the CPU
	Tier   string // the best kernel variant in use: "avx512", "avx2", "go", "scalar", "subgroup", ...
	// BF16 tells that products with precision RoundBF16 are of 16-bit factors: bfloat16, or float16 of rows divided by
	// powers of two, which is closer.
	BF16 bool

	Memory    int64 // bytes the device can hold, 0 if unknown
	Alignment int64 // bytes; every operand's offset in its buffer must be a multiple of it
	MaxRange  int64 // bytes one operand may span
	MaxAlloc  int64 // bytes one buffer may have
}

// A Buffer is a block of device memory. The device that made it owns nothing of it: Free returns it.
// Free is idempotent. A buffer must not be freed while a program that uses it runs.
type Buffer interface {
	Bytes() int64
	Write(off int64, p []byte) error // waits until p may be reused
	Read(off int64, p []byte) error
	Free()
}

// A Range is an operand: part of a buffer, read as elements of one type.
type Range struct {
	Buffer Buffer
	Offset int64 // bytes
	Bytes  int64
	DType  DType
}

// A Launch is one kernel over operands.
type Launch struct {
	Sizes   Sizes
	Out, In []Range
	Barrier bool   // its operands overlap what launches since the last barrier write, or its outputs what they read
	Where   string // "layers.3.self_attn", for errors and profiles
}

// Sizes is the struct of sizes of one kernel. Its Kernel method returns the kernel's name.
type Sizes interface{ Kernel() string }

// A Program is a compiled list of launches. It may be run again and again, by one goroutine at a time.
type Program interface {
	Run() error             // returns when the results can be read
	Times() []time.Duration // of each launch in the last run, nil unless compiled with Profile
	Close() error           // frees what the program owns, not its operands
}

// CompileOptions of Device.Compile; the zero value is right for ordinary use.
type CompileOptions struct {
	Profile bool // measure each launch
}

// A Device runs kernels.
type Device interface {
	Info() Info
	// Alloc returns zeroed memory.
	Alloc(bytes int64, p Purpose) (Buffer, error)
	// Import returns a buffer with the contents of data. A device that computes in the same memory keeps data itself:
	// it must then stay valid and unchanged until the buffer is freed.
	Import(data []byte, p Purpose) (Buffer, error)
	Compile(l []Launch, o CompileOptions) (Program, error)
	Usage() Usage
	// Dry returns a device with the same Info that counts memory and has none, so that what a computation would take is
	// known before anything is taken: Alloc, Import and Compile check and count as this device would, what is written is
	// lost, reads give zeros, and programs do not run. It must be closed before this device.
	Dry() Device
	// Close frees what the device owns. Buffers and programs must have been freed before.
	Close() error
}
