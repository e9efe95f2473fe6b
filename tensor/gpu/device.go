package gpu

import (
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/vulora/vulora/tensor/kernel"
	"github.com/vulora/vulora/vk"
)

// Options of Open; the zero value is the first device, without a cache on disk.
type Options struct {
	Index    int    // in the list of Devices
	CacheDir string // folder for compiled pipelines; empty: none
	NoShared bool   // take only kernels without shared memory and barriers, as on a software device
	Shared   bool   // take kernels with shared memory on a software device too: slow there, but it tests them
}

// A Device is an open Vulkan device.
type Device struct {
	vk      *vk.Device
	info    kernel.Info
	traits  traits
	scratch kernel.Range // for kernels that need more than one dispatch, and in the place of operands that are absent
	timed   bool         // dispatches can be timed
	dry     bool         // counts memory and has none

	used [kernel.Purposes]atomic.Int64
	turn sync.Mutex // programs share scratch
}

// Devices describes the Vulkan devices of this machine; Options.Index is a place in the list. Without a Vulkan loader,
// a driver, or Vulkan in this build, the error is kernel.ErrNoDevice.
func Devices() ([]kernel.Info, error) {
	list, err := vk.Devices()
	if err != nil {
		return nil, fmt.Errorf("gpu: devices: %w", translate(err))
	}
	infos := make([]kernel.Info, len(list))
	for i, v := range list {
		infos[i] = describe(v, Options{})
	}
	return infos, nil
}

// Open opens a device. The error is kernel.ErrNoDevice if there is none at o.Index.
func Open(o Options) (*Device, error) {
	list, err := vk.Devices()
	if err != nil {
		return nil, fmt.Errorf("gpu: open: %w", translate(err))
	}
	if o.Index < 0 || o.Index >= len(list) {
		return nil, fmt.Errorf("gpu: open: want a device from 0 to %d, have %d: %w",
			len(list)-1, o.Index, kernel.ErrNoDevice)
	}
	v := list[o.Index]
	dev, err := vk.Open(v.Index, vk.Options{CacheDir: o.CacheDir})
	if err != nil {
		return nil, fmt.Errorf("gpu: open %s: %w", v.Name, translate(err))
	}
	v = dev.Info()
	d := &Device{vk: dev, info: describe(v, o), traits: choose(v, o), timed: v.Features.Timestamps}
	if err := d.makeScratch(); err != nil {
		return nil, errors.Join(err, dev.Close())
	}
	return d, nil
}

func (d *Device) makeScratch() error {
	scratch := int64(maxParts * partBytes)
	if d.traits.has(halves) {
		scratch = matrixScratch
	}
	b, err := d.Alloc(scratch, kernel.Staging)
	d.scratch = kernel.Range{Buffer: b, Bytes: scratch}
	return err
}

// Dry returns a device like d without memory; see kernel.Device. Memory of the driver's own, like that of pipelines, is
// not counted.
func (d *Device) Dry() kernel.Device {
	dry := &Device{vk: d.vk, info: d.info, traits: d.traits, timed: d.timed, dry: true}
	_ = dry.makeScratch() // it takes nothing, so it cannot fail
	return dry
}

// choose turns what a device is into how kernels are run on it.
func choose(v vk.Info, o Options) traits {
	t := traits{
		lanes: 64, group: 128, parts: maxParts, loops: 1 << 15,
		maxX: uint32(min(v.Limits.MaxGroups[0], 1<<20)), maxY: uint32(min(v.Limits.MaxGroups[1], 1<<16-1)),
		maxRange: uint64(v.Limits.MaxBufferRange), cost: v.Kind.CostPerSubmit(),
		shared: !o.NoShared && (o.Shared || v.Kind != vk.CPU) && v.Limits.MaxInvocations >= 128 &&
			v.Limits.MaxSharedMemory >= 16<<10,
	}
	if f := v.Features; f.SubgroupShuffle && f.SubgroupSize && f.FullSubgroups {
		t.subgroup = uint32(v.Limits.SubgroupSize)
	}
	t.setMatrices(v)
	if v.Kind == vk.CPU {
		// Mesa's llvmpipe runs a workgroup as a loop over vectors of SubgroupSize lanes, reads memory lane by lane, and
		// ends a shader's loops after LP_MAX_TGSI_LOOP_ITERATIONS = 65535 turns in all, without a word.
		t.lanes, t.wide, t.turns, t.parts, t.loops = 8, true, 60000, 1024, 1024
		if n := uint32(max(v.Limits.SubgroupSize, 0)); n >= 4 && n <= 64 && bits.OnesCount32(n) == 1 {
			t.lanes = n
		}
	}
	return t
}

func describe(v vk.Info, o Options) kernel.Info {
	tier, t := "scalar", choose(v, o)
	matrix := t.has(matrices) || t.has(halves)
	switch {
	case matrix:
		tier = "matrix"
	case t.shared:
		tier = "workgroup"
	}
	return kernel.Info{
		Name: v.Name, Kind: v.Kind.String(), Driver: v.Driver, Tier: tier, BF16: matrix,
		Memory: v.Memory, Alignment: max(16, int64(v.Limits.OffsetAlignment)), // vectors of four need 16
		MaxRange: v.Limits.MaxBufferRange, MaxAlloc: v.Limits.MaxAllocation,
	}
}

// Info describes the device.
func (d *Device) Info() kernel.Info { return d.info }

// Usage returns the bytes of the buffers that have not been freed.
func (d *Device) Usage() (u kernel.Usage) {
	for p := range u {
		u[p] = d.used[p].Load()
	}
	return u
}

// Close waits for the device, writes the pipelines that are new to Options.CacheDir and frees what it owns. It is
// idempotent.
func (d *Device) Close() error {
	d.scratch.Buffer.Free()
	if d.dry {
		return nil
	}
	if err := d.vk.Close(); err != nil {
		return fmt.Errorf("gpu: close: %w", translate(err))
	}
	return nil
}

// translate adds the error of package kernel that corresponds to one of package vk.
func translate(err error) error {
	for from, to := range map[error]error{
		vk.ErrNoDevice: kernel.ErrNoDevice, vk.ErrNoMemory: kernel.ErrNoMemory,
		vk.ErrDeviceLost: kernel.ErrDeviceLost, vk.ErrNoFeature: kernel.ErrNoFeature,
	} {
		if errors.Is(err, from) {
			return fmt.Errorf("%w: %w", to, err)
		}
	}
	return err
}
