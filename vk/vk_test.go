//go:build cgo && !novulkan && !386 && !arm

package vk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
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

func TestDispatch(t *testing.T) {
	d := open(t, Options{})
	for _, n := range []uint32{1, 63, 64, 65, 1000} {
		for count := 1; count <= 3; count++ {
			c := makeChain(t, d, n, count)
			c.check(t, record(t, d, c.list, RecordOptions{}))
		}
	}
}

// The chain is long and each link reads what the one before wrote elsewhere, so a device that overlaps dispatches gets
// it wrong without barriers. Replays and splits must not change anything.
func TestChainReplaySplit(t *testing.T) {
	d := open(t, Options{})
	c := makeChain(t, d, 5000, 41)
	for _, split := range []struct {
		cost    float64
		submits int
	}{{-1, 1}, {5000, 41}, {1, 41}, {10000, 21}, {41 * 5000, 1}} {
		cmd := record(t, d, c.list, RecordOptions{MaxCostPerSubmit: split.cost})
		if cmd.Submits() != split.submits {
			t.Errorf("cost %g per submit: want %d submits, have %d", split.cost, split.submits, cmd.Submits())
		}
		for range 5 {
			c.check(t, cmd)
		}
	}
}

// Two recordings that depend on each other and are submitted without waiting in between.
func TestSubmitsAreOrdered(t *testing.T) {
	d := open(t, Options{})
	c := makeChain(t, d, 5000, 20)
	a := record(t, d, c.list[:7], RecordOptions{})
	b := record(t, d, c.list[7:], RecordOptions{MaxCostPerSubmit: 10000})
	for range 10 {
		if err := errors.Join(c.x.Write(0, c.start), a.Submit(), b.Submit(), b.Wait(), a.Wait()); err != nil {
			t.Fatal(err)
		}
		for i, v := range readWords(t, c.x) {
			if v != c.want[i] {
				t.Fatalf("word %d: want %d, have %d", i, c.want[i], v)
			}
		}
	}
}

func TestDeviceInfo(t *testing.T) {
	d := open(t, Options{})
	i := d.Info()
	major, minor := i.APIVersion()
	t.Logf("%s, %v, Vulkan %d.%d, %s, %d MiB, features %v, %d matrix shapes", i.Name, i.Kind, major, minor, i.Driver,
		i.Memory>>20, i.Features, len(i.Matrices))
	t.Logf("%+v", i.Limits)
	l := i.Limits
	// The minima of the Vulkan specification, table "Required Limits".
	if i.Name == "" || major < 1 || minor < 1 || i.Memory <= 0 || l.MaxBufferRange < 1<<27 || l.MaxAllocation < 1<<30 ||
		l.OffsetAlignment < 4 || l.OffsetAlignment > 256 || l.MaxPush < 128 || l.MaxSharedMemory < 16<<10 ||
		l.MaxInvocations < 128 || l.MaxBindings < 4 || l.SubgroupSize < 1 || l.MinSubgroup > l.SubgroupSize ||
		l.MaxSubgroup < l.SubgroupSize {
		t.Errorf("impossible limits %+v", l)
	}
	for _, n := range l.MaxGroups {
		if n < 65535 {
			t.Errorf("want at least 65535 workgroups, have %v", l.MaxGroups)
		}
	}
	if free := d.Available(); free <= 0 {
		t.Errorf("want memory left, have %d", free)
	}
}

func TestWriteRead(t *testing.T) {
	for name, o := range map[string]Options{"mapped": {}, "staged": {NoHostMapping: true}} {
		t.Run(name, func(t *testing.T) {
			d := open(t, o)
			for _, m := range []Memory{DeviceLocal, HostVisible} {
				for _, n := range []int64{1, 3, 17, 4097, 2*slotBytes + 5, 65<<20 + 1} {
					roundTrip(t, d, m, n)
				}
			}
		})
	}
}

func roundTrip(t *testing.T, d *Device, m Memory, n int64) {
	b, err := d.Alloc(n, m)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Free()
	if b.Bytes() != n {
		t.Fatalf("want %d bytes, have %d", n, b.Bytes())
	}
	want := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{byte(n)})
	random := rand.New(rng)
	rng.Read(want)
	if err := b.Write(0, want); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		off := random.Int64N(n)
		p := want[off : off+1+random.Int64N(min(n-off, 3*slotBytes))]
		rng.Read(p)
		have := make([]byte, len(p))
		if err := errors.Join(b.Write(off, p), b.Read(off, have)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, p) {
			t.Fatalf("memory %d, %d bytes: %d bytes from %d differ", m, n, len(p), off)
		}
	}
	have := make([]byte, n)
	if err := b.Read(0, have); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Fatalf("memory %d, %d bytes differ", m, n)
	}
	if err := errors.Join(b.Clear(), b.Read(0, have)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, make([]byte, n)) {
		t.Fatalf("memory %d, %d bytes: not zero after Clear", m, n)
	}
	for _, bad := range [][2]int64{{-1, 1}, {0, n + 1}, {n, 1}, {n + 1, 0}, {1 << 62, 1}} {
		if b.Write(bad[0], make([]byte, bad[1])) == nil || b.Read(bad[0], make([]byte, bad[1])) == nil {
			t.Errorf("a transfer of %d+%d bytes passed in a buffer of %d", bad[0], bad[1], n)
		}
	}
}

func TestUsage(t *testing.T) {
	d := open(t, Options{})
	a, b := alloc(t, d, 1<<20, DeviceLocal), alloc(t, d, 1000, HostVisible)
	if u := d.Usage(); u < 1<<20+1000 || u > 3<<20 {
		t.Errorf("want about %d bytes in use, have %d", 1<<20+1000, u)
	}
	a.Free()
	b.Free()
	b.Free()
	if u := d.Usage(); u != 0 {
		t.Errorf("want nothing in use, have %d bytes", u)
	}
}

func TestOutOfMemory(t *testing.T) {
	d := open(t, Options{})
	for _, n := range []int64{1 << 50, 1<<63 - 1, d.Info().Limits.MaxAllocation + 1} {
		if _, err := d.Alloc(n, DeviceLocal); !errors.Is(err, ErrNoMemory) {
			t.Errorf("alloc %d: want ErrNoMemory, have %v", n, err)
		}
	}
	for _, n := range []int64{0, -1, -1 << 63} {
		if b, err := d.Alloc(n, DeviceLocal); b != nil || err == nil {
			t.Errorf("alloc %d passed", n)
		}
	}
	if d.Usage() != 0 {
		t.Errorf("failures leave %d bytes in use", d.Usage())
	}
}

func TestTimestamps(t *testing.T) {
	d := open(t, Options{})
	if !d.Info().Features.Timestamps {
		t.Skip("the device has no timestamps")
	}
	small, large := makeChain(t, d, 64, 5), makeChain(t, d, 1<<20, 3)
	list := append(small.list, large.list...)
	for _, cost := range []float64{-1, 64, 1} {
		c := record(t, d, list, RecordOptions{Timestamps: true, MaxCostPerSubmit: cost})
		if times, err := c.Times(); times != nil || err != nil {
			t.Errorf("before a run: want nothing, have %v, %v", times, err)
		}
		for range 2 {
			start := time.Now()
			if err := c.Run(); err != nil {
				t.Fatal(err)
			}
			wall := time.Since(start)
			times, err := c.Times()
			if err != nil || len(times) != len(list) {
				t.Fatalf("want %d times, have %v, %v", len(list), times, err)
			}
			var sum time.Duration
			for i, x := range times {
				if x < 0 || i >= 5 && x == 0 {
					t.Errorf("dispatch %d took %v", i, x)
				}
				sum += x
			}
			if sum > wall+wall/4 {
				t.Errorf("dispatches took %v, in a run of %v: %v", sum, wall, times)
			}
			if times[6] < times[1] {
				t.Errorf("2^20 words took %v, 64 words %v", times[6], times[1])
			}
		}
	}
	off := record(t, d, list, RecordOptions{})
	if err := off.Run(); err != nil {
		t.Fatal(err)
	}
	if times, err := off.Times(); times != nil || err != nil {
		t.Errorf("without timestamps: want nothing, have %v, %v", times, err)
	}
	without := open(t, Options{Disable: Features{Timestamps: true}})
	c := makeChain(t, without, 64, 1)
	if _, err := without.Record(c.list, RecordOptions{Timestamps: true}); !errors.Is(err, ErrNoFeature) {
		t.Errorf("want ErrNoFeature, have %v", err)
	}
}

func TestRecordErrors(t *testing.T) {
	d, other := open(t, Options{}), open(t, Options{})
	c, foreign := makeChain(t, d, 1000, 3), makeChain(t, other, 1000, 1)
	l := d.Info().Limits
	cases := map[string]func(x *Dispatch){
		"pipeline":           func(x *Dispatch) { x.Pipeline = nil },
		"foreign pipeline":   func(x *Dispatch) { x.Pipeline = foreign.list[0].Pipeline },
		"bindings":           func(x *Dispatch) { x.Bindings = x.Bindings[:1] },
		"push":               func(x *Dispatch) { x.Push = x.Push[:4] },
		"no groups":          func(x *Dispatch) { x.Groups[1] = 0 },
		"groups":             func(x *Dispatch) { x.Groups[2] = 1<<32 - 1 },
		"nil buffer":         func(x *Dispatch) { x.Bindings[0].Buffer = nil },
		"foreign buffer":     func(x *Dispatch) { x.Bindings[0].Buffer = foreign.x },
		"alignment":          func(x *Dispatch) { x.Bindings[0].Offset, x.Bindings[0].Bytes = int64(l.OffsetAlignment/2), 4 },
		"range":              func(x *Dispatch) { x.Bindings[1].Bytes++ },
		"range wraps":        func(x *Dispatch) { x.Bindings[1].Bytes = 1<<63 - 1; x.Bindings[1].Offset = 256 },
		"negative offset":    func(x *Dispatch) { x.Bindings[1].Offset = -256 },
		"empty range":        func(x *Dispatch) { x.Bindings[1].Bytes = 0 },
		"offset past buffer": func(x *Dispatch) { x.Bindings[1].Offset = 1 << 40 },
	}
	for name, spoil := range cases {
		list := append([]Dispatch(nil), c.list...)
		x := &list[1]
		x.Bindings = append([]Range(nil), x.Bindings...)
		x.Name = "layers.3.mlp"
		spoil(x)
		cmd, err := d.Record(list, RecordOptions{})
		if cmd != nil || err == nil || !strings.Contains(err.Error(), "dispatch 1 layers.3.mlp") {
			t.Errorf("%s: want an error that names the dispatch, have %v", name, err)
		}
	}
	if l.MaxBufferRange < l.MaxAllocation && l.MaxBufferRange < 1<<30 {
		big := alloc(t, d, l.MaxBufferRange+1024, DeviceLocal)
		x := step(c.list[0].Pipeline, big, c.y, 1000, 0)
		if _, err := d.Record([]Dispatch{x}, RecordOptions{}); err == nil {
			t.Error("a binding past MaxBufferRange passed")
		}
	}
	if _, err := d.Record(nil, RecordOptions{}); err == nil {
		t.Error("an empty recording passed")
	}
}

func TestPipelineErrors(t *testing.T) {
	d := open(t, Options{})
	code := spirv(t, "affine")
	l := d.Info().Limits
	for name, c := range map[string]PipelineConfig{
		"empty":    {},
		"short":    {SPIRV: code[:16]},
		"odd":      {SPIRV: code[:len(code)-1]},
		"magic":    {SPIRV: make([]byte, 400)},
		"bindings": {SPIRV: code, Bindings: 1 << 30},
		"negative": {SPIRV: code, Bindings: -1},
		"push":     {SPIRV: code, Bindings: 2, PushBytes: 6},
		"too big":  {SPIRV: code, Bindings: 2, PushBytes: l.MaxPush + 4},
		"subgroup": {SPIRV: code, Bindings: 2, PushBytes: 8, SubgroupSize: 2 * l.MaxSubgroup},
		"not 2^n":  {SPIRV: code, Bindings: 2, PushBytes: 8, SubgroupSize: 3},
	} {
		c.Name = "spoilt"
		if p, err := d.Pipeline(c); p != nil || err == nil || !strings.Contains(err.Error(), "pipeline spoilt") {
			t.Errorf("%s: want an error that names the pipeline, have %v", name, err)
		}
	}
	none := open(t, Options{Disable: Features{SubgroupSize: true, FullSubgroups: true}})
	for _, c := range []PipelineConfig{{SubgroupSize: l.SubgroupSize}, {FullSubgroups: true}} {
		c.SPIRV = code
		if _, err := none.Pipeline(c); !errors.Is(err, ErrNoFeature) {
			t.Errorf("want ErrNoFeature, have %v", err)
		}
	}
}

func TestSubgroupSize(t *testing.T) {
	d := open(t, Options{})
	i := d.Info()
	y := alloc(t, d, 32*4, HostVisible)
	sizes := []int{0}
	if i.Features.SubgroupSize {
		for s := i.Limits.MinSubgroup; s <= i.Limits.MaxSubgroup; s *= 2 {
			sizes = append(sizes, s)
		}
	}
	for _, s := range sizes {
		p, err := d.Pipeline(PipelineConfig{Name: "subgroup", SPIRV: spirv(t, "subgroup"), Bindings: 1, SubgroupSize: s})
		if err != nil {
			t.Fatal(err)
		}
		x := Dispatch{Pipeline: p, Groups: [3]uint32{1, 1, 1}, Bindings: []Range{{y, 0, 128}}}
		if err := record(t, d, []Dispatch{x}, RecordOptions{}).Run(); err != nil {
			t.Fatal(err)
		}
		for k, v := range readWords(t, y) {
			if s != 0 && v != uint32(s) || int(v) < i.Limits.MinSubgroup || int(v) > i.Limits.MaxSubgroup {
				t.Fatalf("want subgroups of %d (%d to %d), invocation %d has %d", s, i.Limits.MinSubgroup,
					i.Limits.MaxSubgroup, k, v)
			}
		}
	}
}

func TestConcurrentPipelines(t *testing.T) {
	d := open(t, Options{})
	code := spirv(t, "affine")
	made := make([]*Pipeline, 64)
	var wg sync.WaitGroup
	for i := range made {
		wg.Go(func() {
			var err error
			made[i], err = d.Pipeline(PipelineConfig{Name: "affine", SPIRV: code, Bindings: 2, PushBytes: 8,
				Spec: []uint32{64, uint32(i % 8)}})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range made {
		if made[i] == nil || made[i] != made[i%8] || i > 0 && i < 8 && made[i] == made[0] {
			t.Errorf("pipeline %d: equal configurations must share a pipeline, others must not", i)
		}
	}
}

// No garbage: a step is replayed thousands of times.
func TestReplayAllocatesNothing(t *testing.T) {
	d := open(t, Options{})
	c := makeChain(t, d, 64, 4)
	cmd := record(t, d, c.list, RecordOptions{MaxCostPerSubmit: 100})
	buf := make([]byte, 16)
	if n := testing.AllocsPerRun(100, func() {
		if cmd.Submit() != nil || cmd.Wait() != nil || c.x.Write(3, buf) != nil || c.x.Read(5, buf) != nil {
			t.Error("run failed")
		}
	}); n != 0 {
		t.Errorf("want no allocation per run, have %g", n)
	}
}

func TestUseAfterClose(t *testing.T) {
	d := open(t, Options{})
	c := makeChain(t, d, 1000, 2)
	cmd := record(t, d, c.list, RecordOptions{})
	gone := record(t, d, c.list, RecordOptions{})
	gone.Close()
	gone.Close()
	if err := gone.Submit(); !errors.Is(err, ErrClosed) {
		t.Errorf("commands: want ErrClosed, have %v", err)
	}
	extra := alloc(t, d, 4000, DeviceLocal)
	stale := record(t, d, []Dispatch{step(c.list[0].Pipeline, c.x, extra, 1000, 0)}, RecordOptions{})
	extra.Free()
	p := make([]byte, 4)
	for what, err := range map[string]error{
		"submit": stale.Submit(), "write": extra.Write(0, p), "read": extra.Read(0, p), "clear": extra.Clear(),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s with a freed buffer: want ErrClosed, have %v", what, err)
		}
	}
	if _, err := d.Record([]Dispatch{step(c.list[0].Pipeline, c.x, extra, 1000, 0)}, RecordOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("record with a freed buffer: want ErrClosed, have %v", err)
	}
	if err := cmd.Submit(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Fatal(err)
	}
	_, errAlloc := d.Alloc(4, DeviceLocal)
	_, errPipeline := d.Pipeline(PipelineConfig{SPIRV: spirv(t, "affine")})
	_, errRecord := d.Record(c.list, RecordOptions{})
	_, errTimes := cmd.Times()
	for what, err := range map[string]error{
		"alloc": errAlloc, "pipeline": errPipeline, "record": errRecord, "times": errTimes, "submit": cmd.Submit(),
		"wait": cmd.Wait(), "write": c.x.Write(0, p), "read": c.x.Read(0, p), "clear": c.x.Clear(), "save": d.SaveCache(),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: want ErrClosed, have %v", what, err)
		}
	}
	c.x.Free()
	cmd.Close()
	if d.Available() != 0 || d.Usage() != 0 {
		t.Errorf("a closed device has %d bytes available and %d in use", d.Available(), d.Usage())
	}
}

// A buffer that is freed while commands run stays until they are done.
func TestFreeInFlight(t *testing.T) {
	d := open(t, Options{})
	c := makeChain(t, d, 1<<16, 50)
	cmd := record(t, d, c.list, RecordOptions{})
	if err := cmd.Submit(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Submit(); err == nil {
		t.Error("a second Submit passed without Wait")
	}
	before := d.Usage()
	c.x.Free()
	if d.Usage() != before {
		t.Error("memory in use by the device was freed")
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if d.Usage() >= before {
		t.Error("the buffer was not freed after Wait")
	}
	if err := errors.Join(cmd.Wait(), c.y.Write(0, c.start)); err != nil {
		t.Error(err)
	}
}

func TestWaitTimeout(t *testing.T) {
	d := open(t, Options{WaitTimeout: 1})
	c := makeChain(t, d, 1<<18, 60)
	cmd := record(t, d, c.list, RecordOptions{})
	err := cmd.Run()
	if err == nil {
		t.Skip("the device is faster than a nanosecond's wait")
	}
	if !errors.Is(err, ErrDeviceLost) {
		t.Errorf("want ErrDeviceLost, have %v", err)
	}
	if _, err := d.Alloc(4, DeviceLocal); !errors.Is(err, ErrDeviceLost) {
		t.Errorf("alloc on a lost device: want ErrDeviceLost, have %v", err)
	}
	// It was only slow. Let it end, so that Close may free.
	d.timeout = 1 << 62
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	d.hung.Store(false)
	runtime.KeepAlive(cmd)
}
