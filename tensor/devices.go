package tensor

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/vulora/vulora/tensor/cpu"
	"github.com/vulora/vulora/tensor/gpu"
	"github.com/vulora/vulora/tensor/kernel"
)

// A Device runs kernels.
type Device = kernel.Device

// OpenOptions of Open; the zero value is right for ordinary use.
type OpenOptions struct {
	Threads int // of the CPU device; 0 means all
	// BF16 rounds to bfloat16 where a launch permits it if the CPU device can, otherwise it does where that is faster.
	BF16 bool
	// CacheDir is where a Vulkan device keeps its compiled pipelines; empty means nowhere.
	CacheDir string
}

// Choice is a device that could be used.
type Choice struct {
	Name   string // what Open takes: "cpu" or "vulkan:0"
	Info   kernel.Info
	Chosen bool   // Open("auto") takes it
	Why    string // why it was chosen or not
}

// rank orders kinds of devices for Open("auto"): the highest wins. Zero is never taken unless named.
var rank = map[string]int{"discrete": 4, "virtual": 3, "integrated": 2, "cpu": 1}

// Devices lists the devices of this machine, the CPU last. The note says why there are no Vulkan devices, if so.
func Devices() (all []Choice, note string) {
	infos, err := gpu.Devices()
	if err != nil {
		note = err.Error()
	}
	for i, info := range infos {
		all = append(all, Choice{Name: fmt.Sprintf("vulkan:%d", i), Info: info})
	}
	if d, err := cpu.Open(cpu.Options{}); err == nil {
		all = append(all, Choice{Name: "cpu", Info: d.Info()})
		d.Close()
	}
	best := -1
	for i, c := range all {
		if rank[c.Info.Kind] > 0 && (best < 0 || rank[c.Info.Kind] > rank[all[best].Info.Kind]) {
			best = i
		}
	}
	for i := range all {
		switch kind := all[i].Info.Kind; {
		case i == best:
			all[i].Chosen, all[i].Why = true, "the best there is"
		case rank[kind] == 0:
			all[i].Why = "a " + kind + " device is taken only when named"
		default:
			all[i].Why = all[best].Info.Name + " is better"
		}
	}
	return all, note
}

// Open opens a device: "auto" or "" for the best one, "cpu", "vulkan" for the best Vulkan device of any kind,
// "vulkan:N", or part of a device's name.
func Open(name string, o OpenOptions) (Device, error) {
	if name == "cpu" {
		return openCPU(o)
	}
	all, note := Devices()
	index, numbered := strings.CutPrefix(name, "vulkan:")
	if _, err := strconv.Atoi(index); numbered && err != nil {
		return nil, fmt.Errorf("tensor: device %q: %w: want vulkan:N with a number", name, kernel.ErrNoDevice)
	}
	best := -1
	for i, c := range all {
		vulkan := c.Name != "cpu"
		switch {
		case name == "" || name == "auto":
			if c.Chosen {
				best = i
			}
		case name == "vulkan":
			if vulkan && (best < 0 || rank[c.Info.Kind] > rank[all[best].Info.Kind]) {
				best = i
			}
		case c.Name == name, best < 0 && !numbered && strings.Contains(strings.ToLower(c.Info.Name), strings.ToLower(name)):
			best = i
		}
	}
	if best < 0 {
		return nil, fmt.Errorf("tensor: device %q: %w: %s", name, kernel.ErrNoDevice, describe(all, note))
	}
	if all[best].Name == "cpu" {
		return openCPU(o)
	}
	return gpu.Open(gpu.Options{Index: best, CacheDir: o.CacheDir})
}

func openCPU(o OpenOptions) (Device, error) {
	if o.BF16 {
		d, err := cpu.Open(cpu.Options{Threads: o.Threads, BF16: cpu.BF16Force})
		if !errors.Is(err, kernel.ErrNoFeature) {
			return d, err
		}
	}
	return cpu.Open(cpu.Options{Threads: o.Threads})
}

func describe(all []Choice, note string) string {
	s := "there is"
	for i, c := range all {
		if i > 0 {
			s += ","
		}
		s += fmt.Sprintf(" %s (%s)", c.Name, c.Info.Name)
	}
	if note != "" {
		s += "; no Vulkan device: " + note
	}
	return s
}
