package vk

import (
	"errors"
	"time"
)

// Errors, always wrapped with what was asked.
var (
	ErrNoDevice   = errors.New("no Vulkan device")
	ErrNoMemory   = errors.New("out of device memory")
	ErrDeviceLost = errors.New("device lost")
	ErrNoFeature  = errors.New("feature missing on this device")
	ErrClosed     = errors.New("already closed")
)

// A Kind of device; the values are those of VkPhysicalDeviceType.
type Kind uint8

const (
	Other Kind = iota
	Integrated
	Discrete
	Virtual
	CPU // a software implementation
)

func (k Kind) String() string {
	return [...]string{"other", "integrated", "discrete", "virtual", "software"}[min(k, CPU)]
}

// Unified reports whether the device computes in the host's memory.
func (k Kind) Unified() bool { return k == Integrated || k == CPU }

// CostPerSubmit returns how many FLOP devices of a kind should be given at once, zero for any number: about 0.2 s on
// slow ones, at 1 TFLOP/s, 100 GFLOP/s and, for what is unknown, 25 GFLOP/s.
func (k Kind) CostPerSubmit() float64 {
	switch k {
	case Discrete:
		return 200e9
	case Integrated, Virtual:
		return 20e9
	case CPU:
		return 0 // no watchdog
	}
	return 5e9
}

// Limits of a device.
type Limits struct {
	MaxBufferRange  int64 // bytes that one binding may span
	MaxAllocation   int64 // bytes that one buffer may have
	OffsetAlignment int   // bytes; the offset of a binding is a multiple of it
	MaxBindings     int   // of one pipeline
	MaxPush         int   // bytes of push constants
	MaxSharedMemory int   // bytes per workgroup
	MaxInvocations  int   // per workgroup
	MaxGroupSize    [3]int
	MaxGroups       [3]int // per dispatch

	SubgroupSize             int // usual size
	MinSubgroup, MaxSubgroup int // sizes that PipelineConfig.SubgroupSize may ask for, if Features.SubgroupSize

	TimestampPeriod float64 // nanoseconds per tick
	TimestampBits   int     // valid bits of a timestamp; 0 without Features.Timestamps
}

// Features that shaders and pipelines may use. All are optional.
type Features struct {
	Storage16 bool // 16-bit elements in storage buffers
	Storage8  bool // 8-bit elements in storage buffers
	Float16   bool // float16 arithmetic
	Int8      bool // 8-bit integer arithmetic
	Int16     bool
	Int64     bool

	SubgroupVote       bool
	SubgroupArithmetic bool // subgroupAdd and the like
	SubgroupBallot     bool // subgroupBroadcast, subgroupBallot
	SubgroupShuffle    bool
	SubgroupClustered  bool
	SubgroupTypes      bool // subgroup operations on 8-bit, 16-bit and 64-bit types
	SubgroupSize       bool // PipelineConfig.SubgroupSize
	FullSubgroups      bool // PipelineConfig.FullSubgroups

	IntegerDot     bool // packed integer dot products
	IntegerDotFast bool // ... of 4x8 signed bits in hardware

	MemoryModel       bool // the Vulkan memory model, needed by Matrix
	MemoryModelDevice bool
	LocalSizeID       bool // workgroup size by LocalSizeId (maintenance4); WorkgroupSize constants need no feature

	BFloat16       bool // VK_KHR_shader_bfloat16
	BFloat16Dot    bool
	BFloat16Matrix bool

	Matrix             bool // VK_KHR_cooperative_matrix
	Matrix2Workgroup   bool // VK_NV_cooperative_matrix2
	Matrix2Flexible    bool
	Matrix2Reductions  bool
	Matrix2Conversions bool
	Matrix2PerElement  bool
	Matrix2Tensor      bool
	Matrix2BlockLoads  bool

	Timestamps bool // RecordOptions.Timestamps
}

// A Component is the element type of a cooperative matrix; the values are those of VkComponentTypeKHR.
type Component uint32

const (
	ComponentFloat16  Component = 0
	ComponentFloat32  Component = 1
	ComponentSint8    Component = 3
	ComponentSint32   Component = 5
	ComponentUint8    Component = 7
	ComponentUint32   Component = 9
	ComponentBFloat16 Component = 1000141000
)

// A MatrixShape is a cooperative matrix product Result[M, N] = A[M, K]·B[K, N] + C[M, N] that a device supports.
type MatrixShape struct {
	M, N, K         int // if Flexible, their granularity
	A, B, C, Result Component
	Workgroup       bool // shared by a workgroup rather than by a subgroup
	Saturating      bool
	Flexible        bool // from VK_NV_cooperative_matrix2
	Invocations     int  // required workgroup size if Flexible and Workgroup
}

// Info describes a device.
type Info struct {
	Index            int // for Open
	Name             string
	Kind             Kind
	Vendor, DeviceID uint32 // PCI
	UUID             [16]byte
	API              uint32 // Vulkan version as VK_MAKE_API_VERSION encodes it, at most 1.4
	Driver           string // name and version, "llvmpipe Mesa 22.3.6"
	DriverVersion    uint32
	Memory           int64 // bytes of the largest device-local heap
	Limits           Limits
	Features         Features
	Matrices         []MatrixShape
}

// APIVersion returns major and minor version of Vulkan.
func (i Info) APIVersion() (major, minor int) {
	return int(i.API >> 22 & 0x7f), int(i.API >> 12 & 0x3ff)
}

// Options of Open; the zero value is right for ordinary use.
type Options struct {
	// CacheDir is a folder for compiled pipelines; empty for none. A file in it is bound to the device and the driver's
	// version, and one that does not fit is ignored.
	CacheDir string
	// Disable switches features off, so that tests can run what other devices would.
	Disable Features
	// NoHostMapping treats device memory as invisible to the host, as it is on many discrete devices.
	NoHostMapping bool
	// WaitTimeout is how long Wait waits before it declares the device lost. Zero is 5 minutes, and forever on a software
	// device.
	WaitTimeout time.Duration
}

// Memory says what a buffer is for.
type Memory uint8

const (
	// DeviceLocal is for what shaders read and write: fast for the device.
	DeviceLocal Memory = iota
	// HostVisible is for inputs and results of steps: always mapped, so Write and Read are plain copies.
	HostVisible
)

// A Range is a part of a buffer that a binding shows to a shader.
type Range struct {
	Buffer        *Buffer
	Offset, Bytes int64 // Offset is a multiple of Limits.OffsetAlignment; the shader sees Bytes rounded up to 4
}

// PipelineConfig is everything that a pipeline depends on.
type PipelineConfig struct {
	Name      string // for errors
	SPIRV     []byte // a module with a compute entry point "main"
	Bindings  int    // storage buffers, bindings 0 to Bindings-1 of set 0
	PushBytes int    // a multiple of 4
	Spec      []uint32
	// SubgroupSize requires a size; zero takes the driver's choice.
	SubgroupSize int
	// FullSubgroups promises that the workgroup's x size is a multiple of the subgroup size and wants no partial ones.
	FullSubgroups bool
}

// A Dispatch is one run of a pipeline.
type Dispatch struct {
	Name     string // for errors
	Pipeline *Pipeline
	Bindings []Range
	Push     []byte // exactly PushBytes
	Groups   [3]uint32
	Barrier  bool    // wait until the writes of the dispatches before it can be seen
	Cost     float64 // rough work, for example FLOP
	// Divisible allows a dispatch that costs more than a submit may to be started in parts, each some of the workgroups
	// along y. They see their own gl_WorkGroupID, and a gl_NumWorkGroups.y that is the part's.
	Divisible bool
}

// RecordOptions of Device.Record; the zero value is right for ordinary use.
type RecordOptions struct {
	// MaxCostPerSubmit bounds the summed Cost of the dispatches that the driver gets at once, so that none runs into its
	// watchdog. Zero is the kind's CostPerSubmit; negative is no bound.
	MaxCostPerSubmit float64
	// Timestamps measures each dispatch for Commands.Times. Dispatches then run one after another.
	Timestamps bool
}
