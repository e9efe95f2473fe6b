// Package devtest gives tests the devices to run on: the CPU with every instruction set it has, and every Vulkan
// device.
package devtest

import (
	"os"
	"testing"

	"github.com/vulora/vulora/tensor/cpu"
	"github.com/vulora/vulora/tensor/gpu"
	"github.com/vulora/vulora/tensor/kernel"
)

// CPU returns the CPU device as it is used by default.
func CPU(t testing.TB) kernel.Device {
	t.Helper()
	return open(t, func() (kernel.Device, error) { return cpu.Open(cpu.Options{}) })
}

func open(t testing.TB, f func() (kernel.Device, error)) kernel.Device {
	t.Helper()
	d, err := f()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		u := d.Usage()
		u[kernel.Staging] = 0 // the device's own scratch is there too
		if n := u.Total(); n != 0 && !t.Failed() {
			t.Errorf("%d bytes of device memory were not freed: %v", n, u)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// Each runs f on the default CPU device and on the first Vulkan device. A machine without Vulkan fails, unless
// VULORA_TEST_VULKAN=off says that this is meant. With VULORA_TEST_MATRIX=on the Vulkan device multiplies matrices,
// even if it is a software device; one that has none fails.
func Each(t *testing.T, f func(t *testing.T, d kernel.Device)) {
	t.Run("cpu", func(t *testing.T) { f(t, CPU(t)) })
	if skipVulkan(t) {
		return
	}
	t.Run("vulkan", func(t *testing.T) {
		matrix := os.Getenv("VULORA_TEST_MATRIX") == "on"
		d := open(t, func() (kernel.Device, error) { return gpu.Open(gpu.Options{Shared: matrix}) })
		if matrix && d.Info().Tier != "matrix" {
			t.Fatalf("VULORA_TEST_MATRIX=on: want a device that multiplies matrices, have %+v", d.Info())
		}
		f(t, d)
	})
}

// skipVulkan reports whether Vulkan is switched off, and then skips a test in its place, so that the list of skipped
// tests has it.
func skipVulkan(t *testing.T) bool {
	if os.Getenv("VULORA_TEST_VULKAN") != "off" {
		return false
	}
	t.Run("vulkan", func(t *testing.T) { t.Skip("NOT TESTED ON VULKAN: VULORA_TEST_VULKAN=off") })
	return true
}

// Variants runs f on every instruction set of the CPU, and on the first Vulkan device with and without shared memory.
func Variants(t *testing.T, f func(t *testing.T, d kernel.Device)) {
	for _, isa := range cpu.ISAs() {
		t.Run("cpu/"+isa, func(t *testing.T) {
			f(t, open(t, func() (kernel.Device, error) { return cpu.Open(cpu.Options{ISA: isa}) }))
		})
	}
	if skipVulkan(t) {
		return
	}
	for name, o := range map[string]gpu.Options{"vulkan": {}, "vulkan with shared memory": {Shared: true}} {
		t.Run(name, func(t *testing.T) { f(t, open(t, func() (kernel.Device, error) { return gpu.Open(o) })) })
	}
}
