package cpu

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/vulora/vulora/tensor/kernel"
)

func open(t testing.TB, o Options) *Device {
	t.Helper()
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// put allocates memory with the contents of o.
func put(t testing.TB, d *Device, o operand) kernel.Range {
	t.Helper()
	r := kernel.Range{Bytes: o.dtype.Bytes(int64(o.n)), DType: o.dtype}
	data := make([]byte, r.Bytes)
	o.encode(data)
	b, err := d.Alloc(r.Bytes, kernel.Activations)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Free)
	if err := b.Write(0, data); err != nil {
		t.Fatal(err)
	}
	r.Buffer = b
	return r
}

func TestOpen(t *testing.T) {
	for _, isa := range append(ISAs(), "") {
		d := open(t, Options{ISA: isa, Threads: 2})
		info := d.Info()
		if info.Kind != "cpu" || info.Alignment != 64 || !strings.Contains(info.Name, "2 threads") {
			t.Errorf("%q: unexpected %+v", isa, info)
		}
		if isa != "" && info.Tier != isa || isa == "" && info.Tier != ISAs()[0] {
			t.Errorf("want tier %q, had %q", isa, info.Tier)
		}
	}
	if _, err := Open(Options{ISA: "avx1024"}); !errors.Is(err, kernel.ErrNoFeature) {
		t.Errorf("want ErrNoFeature, had %v", err)
	}
	if _, err := Open(Options{ISA: "go", BF16: BF16Force}); !errors.Is(err, kernel.ErrNoFeature) {
		t.Errorf("want ErrNoFeature, had %v", err)
	}
	if _, err := Open(Options{Threads: -1}); err == nil {
		t.Error("want an error for a negative number of threads")
	}
}

func TestMemory(t *testing.T) {
	d := open(t, Options{Threads: 1})
	for _, n := range []int64{0, 1, 63, 4096, bigBlock, 5<<20 + 1} {
		b, err := d.Alloc(n, kernel.Optimizer)
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, n)
		for i := range p {
			p[i] = 1
		}
		if err := b.Read(0, p); err != nil {
			t.Fatal(err)
		}
		for i, x := range p {
			if x != 0 {
				t.Fatalf("%d bytes: want zeros, had %d at %d", n, x, i)
			}
		}
		if d.Usage()[kernel.Optimizer] != n || d.Usage().Total() != n {
			t.Errorf("want a use of %d bytes, had %v", n, d.Usage())
		}
		for _, r := range [][2]int64{{-1, 1}, {0, n + 1}, {n, 1}, {n + 1, 0}, {math.MaxInt64, 1}} {
			if err := b.Write(r[0], make([]byte, r[1])); err == nil {
				t.Errorf("%d bytes: want an error for %v", n, r)
			}
		}
		b.Free()
		b.Free()
		if d.Usage().Total() != 0 {
			t.Errorf("want no use after Free, had %v", d.Usage())
		}
		if b.Read(0, nil) == nil || b.Write(0, nil) == nil {
			t.Error("want errors after Free")
		}
	}
	if _, err := d.Alloc(maxAlloc+1, kernel.Weights); !errors.Is(err, kernel.ErrNoMemory) {
		t.Errorf("want ErrNoMemory, had %v", err)
	}
	if _, err := d.Alloc(1<<45, kernel.Weights); !errors.Is(err, kernel.ErrNoMemory) {
		t.Errorf("want ErrNoMemory, had %v", err)
	}
	if _, err := d.Alloc(-1, kernel.Weights); err == nil {
		t.Error("want an error for a negative size")
	}
}

// Every way to break a contract is an error that names the kernel and the place, and no crash.
func TestContract(t *testing.T) {
	d := open(t, Options{Threads: 1})
	other := open(t, Options{Threads: 1})
	r := newRand(1)
	f := func(n int) kernel.Range { return put(t, d, random(r, n)) }
	i32 := func(n int) kernel.Range { return put(t, d, i32s(make([]int, n)...)) }
	off := f(100)
	off.Offset, off.Bytes = 4, 64
	beyond := f(16)
	beyond.Bytes = 128
	freed := f(16)
	freed.Buffer.Free()
	const huge = 1<<32 - 1
	attn := kernel.Attention{T: 2, S: 2, Heads: 2, KVHeads: 1, D: 4, QStride: 16, KVStride: 16, KOff: 8,
		VOff: 12, Scale: 1}
	noHeads, outside, nan := attn, attn, attn
	noHeads.KVHeads, outside.VOff, nan.Scale = 0, 13, float32(math.NaN())
	type ranges = []kernel.Range
	for name, l := range map[string]kernel.Launch{
		"short output":   {Sizes: kernel.Add{N: 17}, Out: ranges{f(16)}, In: ranges{f(17)}},
		"short input":    {Sizes: kernel.Add{N: 17}, Out: ranges{f(17)}, In: ranges{f(16)}},
		"no input":       {Sizes: kernel.Add{N: 16}, Out: ranges{f(16)}},
		"input too many": {Sizes: kernel.Scale{N: 16}, Out: ranges{f(16)}, In: ranges{f(16)}},
		"wrong type":     {Sizes: kernel.Add{N: 16}, Out: ranges{f(16)}, In: ranges{i32(16)}},
		"unaligned":      {Sizes: kernel.Scale{N: 16}, Out: ranges{off}},
		"beyond buffer":  {Sizes: kernel.Scale{N: 16}, Out: ranges{beyond}},
		"freed":          {Sizes: kernel.Scale{N: 16}, Out: ranges{freed}},
		"no buffer":      {Sizes: kernel.Scale{N: 16}, Out: ranges{{Bytes: 64}}},
		"other device":   {Sizes: kernel.Scale{N: 16}, Out: ranges{put(t, other, random(r, 16))}},
		"overflow": {Sizes: kernel.RMSNorm{Rows: huge, Cols: huge},
			Out: ranges{f(16), f(16)}, In: ranges{f(16), f(16)}},
		"overflow of 3": {Sizes: kernel.SwiGLU{T: huge, F: huge}, Out: ranges{f(16)}, In: ranges{f(16)}},
		"column outside": {Sizes: kernel.Linear{T: 1, N: 4, K: 4, YStride: 6, YOff: 3},
			Out: ranges{f(64)}, In: ranges{f(4), f(16)}},
		"integer weight": {Sizes: kernel.Linear{T: 1, N: 4, K: 4, YStride: 4},
			Out: ranges{f(4)}, In: ranges{f(4), i32(16)}},
		"missing bias": {Sizes: kernel.Linear{T: 1, N: 4, K: 4, YStride: 4, Bias: 1},
			Out: ranges{f(4)}, In: ranges{f(4), f(16)}},
		"overlapping rows": {Sizes: kernel.MatMul{M: 4, N: 4, K: 4, LDA: 4, LDB: 4, LDC: 3},
			Out: ranges{f(16)}, In: ranges{f(16), f(16)}},
		"short matrix": {Sizes: kernel.MatMul{M: 4, N: 4, K: 4, LDA: 5, LDB: 4, LDC: 4},
			Out: ranges{f(16)}, In: ranges{f(16), f(16)}},
		"odd head": {Sizes: kernel.RoPE{T: 1, Heads: 1, D: 3, Stride: 3},
			Out: ranges{f(3)}, In: ranges{i32(1), f(3)}},
		"no kv heads":    {Sizes: noHeads, Out: ranges{f(16), f(4)}, In: ranges{f(32), f(32), i32(4)}},
		"values outside": {Sizes: outside, Out: ranges{f(16), f(4)}, In: ranges{f(32), f(32), i32(4)}},
		"scale NaN":      {Sizes: nan, Out: ranges{f(16), f(4)}, In: ranges{f(32), f(32), i32(4)}},
		"decay":          {Sizes: kernel.AdamW{N: 2, Decay: 3}, Out: ranges{f(2), f(2), f(2)}, In: ranges{f(2), f(8)}},
		"half copy": {Sizes: kernel.Copy{N: 2},
			Out: ranges{f(2)}, In: ranges{put(t, d, random(r, 4).as(kernel.F16))}},
		"no columns":       {Sizes: kernel.ArgMax{Rows: 1}, Out: ranges{i32(1)}, In: ranges{f(1)}},
		"no cache columns": {Sizes: kernel.CacheWrite{T: 1, Stride: 1}, Out: ranges{f(1)}, In: ranges{f(1), i32(1)}},
		"no sizes":         {},
		"pointer to sizes": {Sizes: &kernel.Scale{N: 1}, Out: ranges{f(1)}},
	} {
		l.Where = "layers.7"
		_, err := d.Compile([]kernel.Launch{l}, kernel.CompileOptions{})
		if err == nil {
			t.Errorf("%s: want an error", name)
			continue
		}
		if !strings.Contains(err.Error(), "layers.7") ||
			l.Sizes != nil && !strings.Contains(err.Error(), l.Sizes.Kernel()) {
			t.Errorf("%s: want the kernel and its place in the error, had %v", name, err)
		}
	}
}

// Indices, labels, positions and slots come from memory: bad ones are errors of Run, write nothing and read nothing.
func TestBadData(t *testing.T) {
	d := open(t, Options{Threads: 2})
	r := newRand(2)
	for _, bad := range []int{5, math.MaxInt32, math.MinInt32} {
		index := put(t, d, i32s(0, bad, 1))
		x := func(n int) kernel.Range { return put(t, d, random(r, n)) }
		cases := []kernel.Launch{
			{Sizes: kernel.RoPE{T: 3, Heads: 1, D: 4, Stride: 4},
				Out: []kernel.Range{x(12)}, In: []kernel.Range{index, x(20)}},
		}
		if bad > 0 {
			cases = append(cases,
				kernel.Launch{Sizes: kernel.CacheWrite{T: 3, Cols: 4, Stride: 4},
					Out: []kernel.Range{x(20)}, In: []kernel.Range{x(12), index}},
				kernel.Launch{Sizes: kernel.CrossEntropy{Rows: 3, Cols: 5}, Out: []kernel.Range{x(15), x(3)},
					In: []kernel.Range{index, x(1)}})
		}
		for _, l := range cases {
			p, err := d.Compile([]kernel.Launch{l}, kernel.CompileOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Run(); err == nil || !strings.Contains(err.Error(), l.Sizes.Kernel()) {
				t.Errorf("%s with index %d: want an error with its name, had %v", l.Sizes.Kernel(), bad, err)
			}
		}
		// These clamp: bounds outside the keys see no more keys than there are.
		s := kernel.Attention{T: 3, S: 3, Heads: 1, KVHeads: 1, D: 2, QStride: 6, KVStride: 6, KOff: 2, VOff: 4, Scale: 1}
		qkv, wild := x(18), put(t, d, i32s(-7, bad, bad, 3, 1, bad))
		p, err := d.Compile([]kernel.Launch{
			{Sizes: kernel.GatherRows{Rows: 3, Cols: 4, Count: 2},
				Out: []kernel.Range{x(12)}, In: []kernel.Range{x(8), index}},
			{Sizes: s, Out: []kernel.Range{x(6), x(3)}, In: []kernel.Range{qkv, qkv, wild}},
			{Sizes: kernel.AttentionBackQ(s),
				Out: []kernel.Range{x(18), x(3)}, In: []kernel.Range{x(6), x(6), x(3), qkv, wild}},
			{Sizes: kernel.AttentionBackKV(s), Out: []kernel.Range{x(18)}, In: []kernel.Range{x(6), x(3), x(3), qkv, wild}},
		}, kernel.CompileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(); err != nil {
			t.Errorf("index %d: want no error, had %v", bad, err)
		}
	}
}

func TestRun(t *testing.T) {
	d := open(t, Options{Threads: 2})
	r := newRand(3)
	x, w, y := put(t, d, random(r, 64*100)), put(t, d, random(r, 70*100).as(kernel.BF16)), put(t, d, blank(64*70))
	l := []kernel.Launch{
		{Sizes: kernel.Linear{T: 64, N: 70, K: 100, YStride: 70},
			Out: []kernel.Range{y}, In: []kernel.Range{x, w}, Where: "a"},
		{Sizes: kernel.Scale{N: 64 * 70, K: 2}, Out: []kernel.Range{y}, Where: "b"},
		{Sizes: kernel.Linear{T: 2, N: 70, K: 100, YStride: 70},
			Out: []kernel.Range{y}, In: []kernel.Range{x, w}, Where: "c"},
	}
	p, err := d.Compile(l, kernel.CompileOptions{Profile: true})
	if err != nil {
		t.Fatal(err)
	}
	if d.Usage()[kernel.Staging] == 0 {
		t.Error("want scratch in the usage")
	}
	if n := testing.AllocsPerRun(20, func() {
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("want no allocation in Run, had %v", n)
	}
	if len(p.Times()) != len(l) || p.Times()[0] <= 0 {
		t.Errorf("want %d times, had %v", len(l), p.Times())
	}
	x.Buffer.Free()
	if err := p.Run(); err == nil {
		t.Error("want an error after an operand was freed")
	}
	if p.Close() != nil || p.Close() != nil {
		t.Error("want Close to succeed twice")
	}
	if err := p.Run(); err == nil {
		t.Error("want an error after Close")
	}
	if d.Close() != nil || d.Close() != nil {
		t.Error("want Close to succeed twice")
	}
}

// Two programs of one device may be run at once.
func TestConcurrentPrograms(t *testing.T) {
	d := open(t, Options{Threads: 2})
	done := make(chan error)
	for range 2 {
		x := put(t, d, random(newRand(4), 5000))
		p, err := d.Compile([]kernel.Launch{{Sizes: kernel.Scale{N: 5000, K: 1},
			Out: []kernel.Range{x}}}, kernel.CompileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			var err error
			for range 50 {
				err = errors.Join(err, p.Run())
			}
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestPeakRuns(t *testing.T) {
	for _, isa := range ISAs() {
		d := open(t, Options{ISA: isa, Threads: 2})
		y := put(t, d, blank(4))
		for _, s := range []kernel.Peak{{Items: 4, Turns: 1000}, {Items: 4, Turns: 1, Precision: kernel.RoundBF16}} {
			p, err := d.Compile([]kernel.Launch{{Sizes: s, Out: []kernel.Range{y}}}, kernel.CompileOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(p.Run(), p.Close()); err != nil {
				t.Errorf("%s: %v", isa, err)
			}
		}
		short := kernel.Launch{Sizes: kernel.Peak{Items: 5, Turns: 1}, Out: []kernel.Range{y}}
		if _, err := d.Compile([]kernel.Launch{short}, kernel.CompileOptions{}); err == nil {
			t.Errorf("%s: want an error for an output that is too short, have none", isa)
		}
	}
}

// A Compile that finds no memory leaves programs that were compiled before it as they were.
func TestRefusedScratch(t *testing.T) {
	d := open(t, Options{Threads: 2})
	x := func() kernel.Range { return put(t, d, blank(64*64)) }
	s := kernel.Linear{T: 64, N: 64, K: 64, YStride: 64}
	l := kernel.Launch{Sizes: s, Out: []kernel.Range{x()}, In: []kernel.Range{x(), x()}}
	p, err := d.Compile([]kernel.Launch{l}, kernel.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, refused := range [][2]int{{1 << 45, 0}, {0, 1 << 45}} {
		if err := d.reserve(refused[0], refused[1]); !errors.Is(err, kernel.ErrNoMemory) {
			t.Fatalf("want ErrNoMemory, have %v", err)
		}
	}
	if err := errors.Join(p.Run(), p.Close()); err != nil {
		t.Error(err)
	}
}
