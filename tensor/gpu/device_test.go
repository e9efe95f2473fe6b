package gpu

import (
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/vulora/vulora/tensor/kernel"
	"github.com/vulora/vulora/vk"
)

func TestDevices(t *testing.T) {
	d := open(t)
	list, err := Devices()
	if err != nil || len(list) == 0 {
		t.Fatalf("want devices, have %v, %v", list, err)
	}
	for _, i := range append(list, d.Info()) {
		if i.Name == "" || i.Driver == "" || i.Tier == "" || i.Alignment < 16 || i.Alignment&(i.Alignment-1) != 0 ||
			i.Memory <= 0 || i.MaxRange < 128<<20 || i.MaxAlloc < i.MaxRange {
			t.Errorf("want a complete description, have %+v", i)
		}
	}
	if _, err := Open(Options{Index: -1}); !errors.Is(err, kernel.ErrNoDevice) {
		t.Errorf("want %v, have %v", kernel.ErrNoDevice, err)
	}
}

func TestMemory(t *testing.T) {
	d := open(t)
	before := d.Usage()
	for p := range kernel.Purposes {
		for _, n := range []int64{1, 17, 100003} {
			b, err := d.Alloc(n, p)
			if err != nil {
				t.Fatal(err)
			}
			if used := d.Usage(); used[p]-before[p] != n || b.Bytes() != n {
				t.Errorf("%v: want %d bytes in use, have %d", p, n, used[p]-before[p])
			}
			have := make([]byte, n)
			have[n-1] = 7
			if err := b.Read(0, have); err != nil || have[n-1] != 0 {
				t.Errorf("want zeros, have %d, %v", have[n-1], err)
			}
			if err := b.Write(n-1, []byte{9}); err != nil {
				t.Error(err)
			}
			if err := b.Read(n-1, have[:1]); err != nil || have[0] != 9 {
				t.Errorf("want 9, have %d, %v", have[0], err)
			}
			for _, off := range []int64{-1, n, n + 1, math.MaxInt64} {
				if b.Write(off, []byte{1}) == nil || b.Read(off, have[:1]) == nil {
					t.Errorf("byte %d of %d: want an error", off, n)
				}
			}
			b.Free()
			b.Free()
			if b.Write(0, []byte{1}) == nil || b.Read(0, have[:1]) == nil {
				t.Error("freed: want an error")
			}
		}
	}
	if d.Usage() != before {
		t.Errorf("want usage %v, have %v", before, d.Usage())
	}
	for _, n := range []int64{0, -1, d.Info().MaxAlloc + 1, math.MaxInt64} {
		if _, err := d.Alloc(n, kernel.Weights); err == nil {
			t.Errorf("%d bytes: want an error", n)
		}
	}
	if _, err := d.Alloc(1<<62, kernel.Weights); !errors.Is(err, kernel.ErrNoMemory) {
		t.Errorf("want %v, have %v", kernel.ErrNoMemory, err)
	}
	if _, err := d.Alloc(1, kernel.Purposes); err == nil {
		t.Error("no purpose: want an error")
	}
	if _, err := d.Import(nil, kernel.Weights); err == nil {
		t.Error("import of nothing: want an error")
	}
}

// chain is a program of n launches, each of which needs the one before: x += x, in place.
func chain(t testing.TB, d *Device, n int, o kernel.CompileOptions) (kernel.Program, kernel.Buffer, kernel.Buffer) {
	t.Helper()
	x, err := d.Import(floatBytes(1, 2, 3), kernel.Activations)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Free)
	y, err := d.Alloc(12, kernel.Activations)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(y.Free)
	at := func(b kernel.Buffer) kernel.Range { return kernel.Range{Buffer: b, Bytes: 12} }
	var list []kernel.Launch
	for range n {
		list = append(list,
			kernel.Launch{Sizes: kernel.Copy{N: 3}, Out: []kernel.Range{at(y)}, In: []kernel.Range{at(x)}, Barrier: true},
			kernel.Launch{Sizes: kernel.Add{N: 3}, Out: []kernel.Range{at(x)}, In: []kernel.Range{at(y)}, Barrier: true})
	}
	p, err := d.Compile(list, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, x, y
}

func floatBytes(x ...float64) []byte { return f32(x).bytes() }

func TestReplay(t *testing.T) {
	d := open(t)
	p, x, _ := chain(t, d, 5, kernel.CompileOptions{})
	for range 3 {
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
	}
	have := make([]byte, 12)
	if err := x.Read(0, have); err != nil {
		t.Fatal(err)
	}
	if want := floatBytes(1<<15, 2<<15, 3<<15); string(have) != string(want) {
		t.Errorf("want %v, have %v", want, have)
	}
	if p.Times() != nil {
		t.Error("want no times without Profile")
	}
	if n := testing.AllocsPerRun(10, func() {
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("want a run without allocations, have %v", n)
	}
	if p.Close() != nil || p.Close() != nil {
		t.Error("want Close to be idempotent")
	}
	if p.Run() == nil {
		t.Error("closed: want an error")
	}
}

func TestProfile(t *testing.T) {
	d := open(t)
	if !d.timed {
		t.Skip("NOT TESTED: this device has no timestamps")
	}
	// grad_norm is two dispatches: its time is their sum.
	c := testCase{sizes: kernel.GradNorm{N: 9000}, in: []array{f32(newDice(1).vec(9000)), f32(fill(kernel.HyperLen, 1))},
		out: []array{blank(4)}}
	r := newRun(t, d, c)
	p, err := d.Compile([]kernel.Launch{r.launch, r.launch}, kernel.CompileOptions{Profile: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	times := p.Times()
	if len(times) != 2 || times[0] <= 0 || times[1] <= 0 {
		t.Errorf("want two positive times, have %v", times)
	}
}

// TestConcurrent compiles and runs programs in several goroutines: they share the device's scratch.
func TestConcurrent(t *testing.T) {
	d := open(t)
	var wait sync.WaitGroup
	for i := range 4 {
		n := 20000 + i
		c := testCase{sizes: kernel.Sum{N: uint32(n)}, in: []array{f32(fill(n, 1)), f32([]float64{1})},
			out: []array{blank(1)}}
		r := newRun(t, d, c)
		wait.Go(func() {
			for range 5 {
				p, err := d.Compile([]kernel.Launch{r.launch}, kernel.CompileOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				if err := p.Run(); err != nil {
					t.Error(err)
				}
				have := make([]byte, 4)
				if err := r.launch.Out[0].Buffer.Read(guard, have); err != nil {
					t.Error(err)
				}
				if sum := math.Float32frombits(binary.LittleEndian.Uint32(have)); sum != float32(n) {
					t.Errorf("want %d, have %v", n, sum)
				}
				p.Close()
				runtime.GC()
			}
		})
	}
	wait.Wait()
}

// TestSameBits runs a program twice and wants the same bits.
func TestSameBits(t *testing.T) {
	d := open(t)
	for _, c := range cases() {
		if !strings.HasPrefix(c.name, "long ") {
			continue
		}
		r := newRun(t, d, c)
		var first string
		for i := range 2 {
			for j, a := range c.out {
				if err := r.launch.Out[j].Buffer.Write(guard, a.bytes()); err != nil {
					t.Fatal(err)
				}
			}
			p, err := d.Compile([]kernel.Launch{r.launch}, kernel.CompileOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Run(); err != nil {
				t.Fatal(err)
			}
			p.Close()
			var all string
			for _, o := range r.launch.Out {
				b := make([]byte, o.Bytes)
				if err := o.Buffer.Read(guard, b); err != nil {
					t.Fatal(err)
				}
				all += string(b)
			}
			if i == 0 {
				first = all
			} else if all != first {
				t.Errorf("%s: want the same bits in both runs", c.name)
			}
		}
	}
}

// TestNoShared wants no kernel to take a variant with shared memory where that is not allowed, and some to take one
// where it is.
func TestNoShared(t *testing.T) {
	d := open(t)
	taken := 0
	for _, c := range cases() {
		r := newRun(t, d, c)
		for _, shared := range []bool{false, true} {
			tr := d.traits
			tr.shared, tr.turns = shared, 0
			steps, err := lower(tr, r.launch, d.scratch)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range steps {
				cooperates := strings.Contains(s.shader, ".group") || strings.Contains(s.shader, ".tiles")
				if cooperates && !shared {
					t.Errorf("%s: %s uses shared memory", c.name, s.shader)
				}
				if cooperates {
					taken++
				}
			}
		}
	}
	if taken == 0 {
		t.Error("want variants with shared memory where it is allowed")
	}
}

// TestChoose checks what the options make of devices of each kind.
func TestChoose(t *testing.T) {
	limits := vk.Limits{MaxInvocations: 128, MaxSharedMemory: 16 << 10, SubgroupSize: 4,
		MaxGroups: [3]int{65535, 65535, 65535}}
	for _, c := range []struct {
		kind   vk.Kind
		o      Options
		shared bool
		lanes  uint32
	}{
		{vk.Discrete, Options{}, true, 64},
		{vk.Integrated, Options{NoShared: true}, false, 64},
		{vk.CPU, Options{}, false, 4},
		{vk.CPU, Options{Shared: true}, true, 4},
		{vk.CPU, Options{Shared: true, NoShared: true}, false, 4},
	} {
		have := choose(vk.Info{Kind: c.kind, Limits: limits}, c.o)
		if have.shared != c.shared || have.lanes != c.lanes || (have.turns != 0) != (c.kind == vk.CPU) {
			t.Errorf("%v %+v: want shared memory %v and %d lanes, have %+v", c.kind, c.o, c.shared, c.lanes, have)
		}
	}
	for _, c := range []struct {
		f    vk.Features
		want uint32
	}{
		{vk.Features{SubgroupShuffle: true, SubgroupSize: true, FullSubgroups: true}, 4},
		{vk.Features{SubgroupShuffle: true, SubgroupSize: true}, 0},
		{vk.Features{SubgroupShuffle: true, FullSubgroups: true}, 0},
		{vk.Features{SubgroupSize: true, FullSubgroups: true}, 0},
	} {
		if have := choose(vk.Info{Kind: vk.CPU, Limits: limits, Features: c.f}, Options{}).subgroup; have != c.want {
			t.Errorf("%v: want lanes that exchange values in subgroups of %d, have %d", c.f, c.want, have)
		}
	}
	small := limits
	small.MaxInvocations = 64
	if choose(vk.Info{Kind: vk.Discrete, Limits: small}, Options{}).shared {
		t.Error("want no shared memory where a workgroup is too small for it")
	}
}
