package vk

import (
	"slices"
	"testing"
)

func TestMemoryOrder(t *testing.T) {
	const (
		local  = memoryLocal
		mapped = memoryVisible | memoryCoherent
		cached = mapped | memoryCached
	)
	// The types as these devices report them.
	nvidia := []memoryType{{0, 1, 32 << 30}, {local, 0, 8 << 30}, {mapped, 1, 32 << 30}, {cached, 1, 32 << 30},
		{local | mapped, 2, 246 << 20}}
	rebar := slices.Clone(nvidia)
	rebar[4] = memoryType{local | mapped, 0, 8 << 30}
	amd := []memoryType{{local, 0, 16 << 30}, {local | mapped, 0, 16 << 30}, {mapped, 1, 32 << 30}, {cached, 1, 32 << 30},
		{local | 0xc0, 0, 16 << 30}, {cached | 0xc0, 1, 32 << 30}}
	apu := []memoryType{{local, 0, 512 << 20}, {mapped, 1, 8 << 30}, {local | mapped, 0, 512 << 20}, {cached, 1, 8 << 30}}
	software := []memoryType{{local | cached, 0, 2 << 30}}
	for _, c := range []struct {
		name        string
		types       []memoryType
		kind        Kind
		local, host []int
	}{
		{"small window", nvidia, Discrete, []int{1, 4}, []int{3, 2, 4}},
		{"resizable window", rebar, Discrete, []int{4, 1}, []int{3, 2, 4}},
		{"AMD discrete", amd, Discrete, []int{1, 0}, []int{3, 2, 1}},
		{"AMD integrated", apu, Integrated, []int{2, 0, 1, 3}, []int{3, 1, 2}},
		{"software", software, CPU, []int{0}, []int{0}},
	} {
		if have := memoryOrder(c.types, c.kind, DeviceLocal); !slices.Equal(have, c.local) {
			t.Errorf("%s, device-local: want %v, have %v", c.name, c.local, have)
		}
		if have := memoryOrder(c.types, c.kind, HostVisible); !slices.Equal(have, c.host) {
			t.Errorf("%s, host-visible: want %v, have %v", c.name, c.host, have)
		}
	}
}
