//go:build cgo && !novulkan && !386 && !arm

package vk

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// open returns a device, the first or the one VULORA_TEST_DEVICE names a part of. A machine without Vulkan fails the
// test: a green run must mean that shaders ran.
func open(t testing.TB, o Options) *Device {
	t.Helper()
	if os.Getenv("VULORA_TEST_VULKAN") == "off" {
		t.Skip("NO VULKAN TEST RUNS: switched off by VULORA_TEST_VULKAN=off")
	}
	infos, err := Devices()
	if err != nil {
		t.Fatalf("%v; VULORA_TEST_VULKAN=off skips these tests", err)
	}
	index := 0
	for _, i := range infos {
		if want := os.Getenv("VULORA_TEST_DEVICE"); want != "" && strings.Contains(i.Name, want) {
			index = i.Index
		}
	}
	d, err := Open(index, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func spirv(t testing.TB, name string) []byte {
	t.Helper()
	code, err := os.ReadFile(filepath.Join("testdata", name+".spv"))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func affine(t testing.TB, d *Device, shift uint32) *Pipeline {
	t.Helper()
	p, err := d.Pipeline(PipelineConfig{Name: "affine", SPIRV: spirv(t, "affine"), Bindings: 2, PushBytes: 8,
		Spec: []uint32{64, shift}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func alloc(t testing.TB, d *Device, n int64, m Memory) *Buffer {
	t.Helper()
	b, err := d.Alloc(n, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Free)
	return b
}

func words(v ...uint32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.NativeEndian.AppendUint32(b, x)
	}
	return b
}

func readWords(t testing.TB, b *Buffer) []uint32 {
	t.Helper()
	p := make([]byte, b.Bytes())
	if err := b.Read(0, p); err != nil {
		t.Fatal(err)
	}
	v := make([]uint32, len(p)/4)
	for i := range v {
		v[i] = binary.NativeEndian.Uint32(p[4*i:])
	}
	return v
}

// step is y = 3·x + add over n words.
func step(p *Pipeline, x, y *Buffer, n, add uint32) Dispatch {
	return Dispatch{Name: "step", Pipeline: p, Push: words(n, add), Groups: [3]uint32{(n + 63) / 64, 1, 1}, Barrier: true,
		Cost: float64(n), Bindings: []Range{{x, 0, x.Bytes()}, {y, 0, y.Bytes()}}}
}

// A chain is count steps to and fro between two buffers, with what must come out.
type chain struct {
	list  []Dispatch
	x, y  *Buffer
	start []byte
	want  []uint32 // in x if count is even, else in y
}

func makeChain(t testing.TB, d *Device, n uint32, count int) chain {
	const shift = 5
	p := affine(t, d, shift)
	c := chain{x: alloc(t, d, int64(4*n), DeviceLocal), y: alloc(t, d, int64(4*n), DeviceLocal)}
	now, next := make([]uint32, n), make([]uint32, n)
	for i := range now {
		now[i] = uint32(i * i)
	}
	c.start = words(now...)
	from, to := c.x, c.y
	for s := range count {
		c.list = append(c.list, step(p, from, to, n, uint32(s)))
		from, to = to, from
		for i := range next {
			next[i] = 3*now[(uint32(i)+shift)%n] + uint32(s)
		}
		now, next = next, now
	}
	c.want = now
	return c
}

// check runs the chain from its start.
func (c chain) check(t testing.TB, cmd *Commands) {
	t.Helper()
	if err := c.x.Write(0, c.start); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	out := c.x
	if len(c.list)%2 == 1 {
		out = c.y
	}
	for i, v := range readWords(t, out) {
		if v != c.want[i] {
			t.Fatalf("after %d dispatches, word %d: want %d, have %d", len(c.list), i, c.want[i], v)
		}
	}
}

func record(t testing.TB, d *Device, list []Dispatch, o RecordOptions) *Commands {
	t.Helper()
	c, err := d.Record(list, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
