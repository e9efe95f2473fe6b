package gpu

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vulora/vulora/tensor/kernel"
)

// TestContract breaks each launch in every way that its contract forbids and wants an error that names kernel and
// place.
func TestContract(t *testing.T) {
	d := open(t)
	other, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	foreign, err := other.Alloc(1<<20, kernel.Activations)
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Free()
	freed, err := d.Alloc(1<<20, kernel.Activations)
	if err != nil {
		t.Fatal(err)
	}
	freed.Free()

	damage := map[string]func(o *kernel.Range){
		"too short":       func(o *kernel.Range) { o.Bytes = o.Bytes / 8 * 4 },
		"half an element": func(o *kernel.Range) { o.Bytes-- },
		"negative bytes":  func(o *kernel.Range) { o.Bytes = -o.Bytes },
		"negative offset": func(o *kernel.Range) { o.Offset = -guard },
		"not aligned":     func(o *kernel.Range) { o.Offset += 4 },
		"outside":         func(o *kernel.Range) { o.Offset = o.Buffer.Bytes() + guard },
		"beyond the end":  func(o *kernel.Range) { o.Bytes = o.Buffer.Bytes() },
		"overflow":        func(o *kernel.Range) { o.Offset, o.Bytes = math.MaxInt64&^(guard-1), math.MaxInt64&^3 },
		"no buffer":       func(o *kernel.Range) { o.Buffer = nil },
		"foreign buffer":  func(o *kernel.Range) { o.Buffer = foreign },
		"freed buffer":    func(o *kernel.Range) { o.Buffer = freed },
		"no such type":    func(o *kernel.Range) { o.DType = 99 },
	}
	for _, c := range cases() {
		if strings.HasPrefix(c.name, "long ") {
			continue
		}
		r := newRun(t, d, c)
		for name, breakIt := range damage {
			for i := range len(c.out) + len(c.in) {
				l := r.copy()
				o := operandAt(&l, i)
				if open := c.name == "rope" || c.name == "cache_write"; open && name == "too short" {
					continue // the table and the cache may have any number of rows
				}
				breakIt(o)
				wantError(t, d, l, name)
			}
		}
		l := r.copy()
		l.Out = l.Out[1:]
		wantError(t, d, l, "an output is missing")
		l = r.copy()
		l.In = append(l.In, l.Out[0])
		wantError(t, d, l, "an input too many")
	}
	wantError(t, d, kernel.Launch{Where: "test"}, "no sizes")
	wantError(t, d, kernel.Launch{Sizes: (*kernel.Add)(nil), Where: "test"}, "pointer to sizes")
	wantError(t, d, kernel.Launch{Sizes: impostor{}, Where: "test"}, "sizes of nothing")
}

type impostor struct{ N uint32 }

func (impostor) Kernel() string { return "add" }

func (r *testRun) copy() kernel.Launch {
	l := r.launch
	l.Out, l.In = slices.Clone(l.Out), slices.Clone(l.In)
	return l
}

func operandAt(l *kernel.Launch, i int) *kernel.Range {
	if i < len(l.Out) {
		return &l.Out[i]
	}
	return &l.In[i-len(l.Out)]
}

func wantError(t *testing.T, d *Device, l kernel.Launch, what string) {
	t.Helper()
	p, err := d.Compile([]kernel.Launch{l}, kernel.CompileOptions{})
	if err == nil {
		p.Close()
		t.Errorf("%T %+v: %s: want an error", l.Sizes, l.Sizes, what)
		return
	}
	if !strings.HasPrefix(err.Error(), "gpu: compile: test: ") {
		t.Errorf("%s: want an error with the launch's place, have %v", what, err)
	}
	if kernels[reflect.TypeOf(l.Sizes)] != nil && !strings.Contains(err.Error(), l.Sizes.Kernel()) {
		t.Errorf("%s: want an error with the kernel's name, have %v", what, err)
	}
}

// TestHostileSizes puts extreme numbers into each field of each launch. What is not refused must stay within its
// operands.
func TestHostileSizes(t *testing.T) {
	d := open(t)
	refused, accepted := 0, 0
	for _, c := range cases() {
		if strings.HasPrefix(c.name, "long ") {
			continue
		}
		r := newRun(t, d, c)
		for i := range reflect.TypeOf(c.sizes).NumField() {
			for _, n := range []uint64{0, 1 << 31, math.MaxUint32, math.MaxUint32 - 3} {
				l := r.copy()
				s := reflect.New(reflect.TypeOf(c.sizes)).Elem()
				s.Set(reflect.ValueOf(c.sizes))
				if s.Field(i).Kind() != reflect.Uint32 || s.Field(i).Uint() == n {
					continue
				}
				s.Field(i).SetUint(n)
				l.Sizes = s.Interface().(kernel.Sizes)
				p, err := d.Compile([]kernel.Launch{l}, kernel.CompileOptions{})
				if err != nil {
					refused++
					continue
				}
				accepted++
				if err := p.Run(); err != nil {
					t.Fatal(err)
				}
				p.Close()
				for j := range l.Out {
					checkGuards(t, l, j)
				}
			}
		}
	}
	if refused == 0 || accepted == 0 {
		t.Errorf("want some launches refused and some accepted, have %d and %d", refused, accepted)
	}
}

func checkGuards(t *testing.T, l kernel.Launch, i int) {
	t.Helper()
	o := l.Out[i]
	all := make([]byte, o.Buffer.Bytes())
	if err := o.Buffer.Read(0, all); err != nil {
		t.Fatal(err)
	}
	fence := bytes.Repeat([]byte{guardByte}, guard)
	if !bytes.Equal(all[:guard], fence) || !bytes.Equal(all[guard+o.Bytes:][:guard], fence) {
		t.Fatalf("%T %+v: output %d: bytes outside were written", l.Sizes, l.Sizes, i)
	}
}

// TestLabelOutside wants a loss that nobody can overlook.
func TestLabelOutside(t *testing.T) {
	d := open(t)
	c := testCase{sizes: kernel.CrossEntropy{Rows: 2, Cols: 3}, in: []array{i32(3, math.MaxInt32), f32([]float64{1})},
		out: []array{f32([]float64{1, 2, 3, 4, 5, 6}), blank(2)}}
	r := newRun(t, d, c)
	for _, tr := range r.ways(d) {
		d.traits = tr
		p, err := d.Compile([]kernel.Launch{r.launch}, kernel.CompileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
		p.Close()
		loss := make([]byte, 8)
		if err := r.launch.Out[1].Buffer.Read(guard, loss); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			if v := math.Float32frombits(binary.LittleEndian.Uint32(loss[4*i:])); v == v {
				t.Errorf("row %d: want NaN, have %v", i, v)
			}
		}
	}
}

// TestParts wants the parts of a launch to wait for each other and for others that use the scratch.
func TestParts(t *testing.T) {
	tr := traits{lanes: 8, group: 128, wide: true, loops: 1024, maxX: 65535, maxY: 65535, maxRange: 1 << 30, turns: 60000,
		parts: 1024}
	hyper := kernel.Range{Bytes: 4 * kernel.HyperLen}
	const n = 70001
	for _, l := range []kernel.Launch{
		{Sizes: kernel.Sum{N: n}, Out: []kernel.Range{{Bytes: 4}}, In: []kernel.Range{{Bytes: 4 * n}, {Bytes: 4}}},
		{Sizes: kernel.GradNorm{N: 5}, Out: []kernel.Range{{Bytes: 16}}, In: []kernel.Range{{Bytes: 20}, hyper}},
		{Sizes: kernel.LinearBack{T: 1, N: n, K: 1, YStride: n}, Out: []kernel.Range{{Bytes: 4}},
			In: []kernel.Range{{Bytes: 4 * n}, {Bytes: 4 * n}}},
	} {
		steps, err := lower(tr, l, kernel.Range{Bytes: maxParts * partBytes})
		if err != nil {
			t.Fatal(err)
		}
		if len(steps) < 2 {
			t.Errorf("%T: want parts, have %d", l.Sizes, len(steps))
		}
		for _, s := range steps {
			if !s.launch.Barrier {
				t.Errorf("%s: want a barrier before it", s.shader)
			}
		}
	}
}

// TestWatchdog wants launches that take a slow device long to be started in parts that do not: the head's chunk, and
// attention over a long sequence.
func TestWatchdog(t *testing.T) {
	d := open(t)
	const tokens, vocabulary, hidden, long = 256, 151936, 896, 8192
	words := func(n int64) kernel.Range { return kernel.Range{Bytes: 4 * n} }
	head := kernel.Range{Bytes: 2 * vocabulary * hidden, DType: kernel.BF16}
	bounds := kernel.Range{Bytes: 8 * long, DType: kernel.I32}
	heads := kernel.Attention{T: long, S: long, Heads: 14, KVHeads: 2, D: 64, QStride: 1152, KVStride: 1152, KOff: 896,
		VOff: 1024, Scale: 0.125}
	for _, l := range []kernel.Launch{
		{Sizes: kernel.Linear{T: tokens, N: vocabulary, K: hidden, YStride: vocabulary},
			Out: []kernel.Range{words(tokens * vocabulary)}, In: []kernel.Range{words(tokens * hidden), head}},
		{Sizes: kernel.LinearBack{T: tokens, N: vocabulary, K: hidden, YStride: vocabulary},
			Out: []kernel.Range{words(tokens * hidden)}, In: []kernel.Range{words(tokens * vocabulary), head}},
		{Sizes: heads, Out: []kernel.Range{words(long * 896), words(long * 14)},
			In: []kernel.Range{words(long * 1152), words(long * 1152), bounds}},
	} {
		for _, shared := range []bool{true, false} {
			tr := d.traits
			tr.shared, tr.turns, tr.maxRange, tr.cost = shared, 0, 1<<40, 5e9
			steps, err := lower(tr, l, d.scratch)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range steps {
				if least := s.cost / float64(s.groups[1]); least > 1.1*tr.cost || !s.divisible {
					t.Errorf("%s: want parts of %g FLOP, have %g in %v", s.shader, tr.cost, least, s.groups)
				}
			}
		}
	}
}

// TestParted runs launches whose workgroups are started in many parts.
func TestParted(t *testing.T) {
	d := open(t)
	for _, c := range cases() {
		if strings.HasPrefix(c.name, "long ") {
			continue
		}
		r := newRun(t, d, c)
		tr := d.traits
		tr.cost = 100
		r.check(t, d, tr)
	}
}

// TestTurns wants a refusal, not a wrong sum, where a loop would be too long for the device and cannot be divided.
func TestTurns(t *testing.T) {
	tr := traits{lanes: 8, group: 128, wide: true, loops: 1024, maxX: 65535, maxY: 65535, maxRange: 1 << 30, turns: 60000,
		parts: 1024}
	const k = 70001
	l := kernel.Launch{Sizes: kernel.Linear{T: 1, N: 1, K: k, YStride: 1},
		Out: []kernel.Range{{Bytes: 4}}, In: []kernel.Range{{Bytes: 4 * k}, {Bytes: 4 * k}}}
	if _, err := lower(tr, l, kernel.Range{}); err == nil {
		t.Error("want an error on a device with a limit")
	}
	tr.turns = 0
	if _, err := lower(tr, l, kernel.Range{}); err != nil {
		t.Errorf("want no error on a device without a limit, have %v", err)
	}
}

func TestErrorsAreKernels(t *testing.T) {
	if _, err := Open(Options{Index: 99}); !errors.Is(err, kernel.ErrNoDevice) {
		t.Errorf("want %v, have %v", kernel.ErrNoDevice, err)
	}
}
