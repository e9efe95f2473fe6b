package cpu

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/vulora/vulora/tensor/kernel"
	"github.com/x448/float16"
)

const (
	poison   = 0x7fc0dead // a NaN that no arithmetic makes
	sentinel = 0xA5
	front    = 64 // sentinel bytes before each operand; after it comes a page that faults
)

// An operand of a test. values nil means poisoned with NaN.
type operand struct {
	dtype  kernel.DType
	n      int
	values []float64
}

func f32s(v ...float64) operand { return operand{kernel.F32, len(v), v} }
func i32s(v ...int) operand {
	o := operand{kernel.I32, len(v), make([]float64, len(v))}
	for i, x := range v {
		o.values[i] = float64(x)
	}
	return o
}
func blank(n int) operand                   { return operand{kernel.F32, n, nil} }
func blankAs(t kernel.DType, n int) operand { return operand{t, n, nil} }
func (o operand) as(t kernel.DType) operand { return operand{t, o.n, o.values} }
func random(r *rand.Rand, n int) operand    { return between(r, n, -1, 1) }

// weights is a random matrix in a stored type with its scales, if it has some; values are below 1. Some scales are
// zero or negative.
func weights(r *rand.Rand, t kernel.DType, rows, cols int) []operand {
	if !t.Quantized() {
		return []operand{random(r, rows*cols).as(t)}
	}
	o := operand{t, rows * cols, make([]float64, rows*cols)}
	blocks, largest := rows, 1.0
	if t == kernel.I8 {
		largest = 1.0 / 127
		for i := range o.values {
			o.values[i] = float64(r.IntN(255) - 127)
		}
	} else {
		blocks = rows * cols / kernel.BlockSize
		for i := range o.values {
			o.values[i] = float64(r.IntN(16))
		}
	}
	scales := between(r, blocks, -0.2*largest, largest)
	scales.values[blocks/2] = 0
	return []operand{o, scales}
}

func between(r *rand.Rand, n int, lo, hi float64) operand {
	v := make([]float64, n)
	for i := range v {
		v[i] = lo + (hi-lo)*r.Float64()
	}
	return operand{kernel.F32, n, v}
}

// encode stores the operand and rounds its values to what was stored.
func (o operand) encode(b []byte) []float64 {
	got := make([]float64, o.n)
	if o.dtype == kernel.NF4 || o.dtype == kernel.FP4 {
		clear(b[:o.n/2])
	}
	for i := range o.n {
		switch {
		case o.values == nil:
			binary.LittleEndian.PutUint32(b[4*i:], poison)
			got[i] = math.NaN()
		case o.dtype == kernel.NF4 || o.dtype == kernel.FP4:
			b[i/2] |= byte(o.values[i]) << (4 * (1 - i%2))
			got[i] = float64(map[kernel.DType][16]float32{
				kernel.NF4: kernel.NF4Values, kernel.FP4: kernel.FP4Values}[o.dtype][int(o.values[i])])
		case o.dtype == kernel.I8:
			b[i] = byte(int8(o.values[i]))
			got[i] = o.values[i]
		case o.dtype == kernel.I32:
			binary.LittleEndian.PutUint32(b[4*i:], uint32(int64(o.values[i])))
			got[i] = o.values[i]
		case o.dtype == kernel.F32:
			f := float32(o.values[i])
			binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(f))
			got[i] = float64(f)
		case o.dtype == kernel.F16:
			h := float16.Fromfloat32(float32(o.values[i]))
			binary.LittleEndian.PutUint16(b[2*i:], h.Bits())
			got[i] = float64(h.Float32())
		case o.dtype == kernel.BF16:
			h := bf16Bits(float32(o.values[i]))
			binary.LittleEndian.PutUint16(b[2*i:], h)
			got[i] = float64(bf16Value(h))
		}
	}
	return got
}

// A trial is one launch with its contents.
type trial struct {
	sizes   kernel.Sizes
	out, in []operand
	tol     []float64 // absolute, per output; nil: all 1e-6
	rel     float64   // relative to the expected value
	opts    Options
}

func (c *trial) name() string { return fmt.Sprintf("%s%+v", c.sizes.Kernel(), c.sizes) }

type placed struct {
	whole []byte // with the sentinels
	data  []byte
	init  []float64
}

func place(t testing.TB, o operand) placed {
	n := int(o.dtype.Bytes(int64(o.n)))
	w, free := guarded(t, front+n)
	t.Cleanup(free)
	for i := range front {
		w[i] = sentinel
	}
	return placed{w, w[front:], o.encode(w[front:])}
}

// execute runs the trial on fresh memory and returns outputs and inputs.
func (c *trial) execute(t testing.TB, o Options) (out, in []placed) {
	t.Helper()
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	l := kernel.Launch{Sizes: c.sizes, Where: "test"}
	ranges := func(ops []operand) (p []placed, r []kernel.Range) {
		for _, op := range ops {
			m := place(t, op)
			b, err := d.Import(m.data, kernel.Activations)
			if err != nil {
				t.Fatal(err)
			}
			defer t.Cleanup(b.Free)
			p, r = append(p, m), append(r, kernel.Range{Buffer: b, Bytes: int64(len(m.data)), DType: op.dtype})
		}
		return p, r
	}
	out, l.Out = ranges(c.out)
	in, l.In = ranges(c.in)
	p, err := d.Compile([]kernel.Launch{l}, kernel.CompileOptions{})
	if err != nil {
		t.Fatalf("%s: %v", c.name(), err)
	}
	defer p.Close()
	defer guardScratch(t, d)()
	if err := p.Run(); err != nil {
		t.Fatalf("%s: %v", c.name(), err)
	}
	return out, in
}

// guardScratch gives kernels as much scratch as they asked for, with a page after it that faults, until restore. In it
// is what no kernel may use, as kernels that ran before may leave it: NaN, in bfloat16 as in float32.
func guardScratch(t testing.TB, d *Device) (restore func()) {
	var undo []func()
	guard := func(x *[]float32) {
		before := *x
		m, free := guarded(t, 4*((len(before)+15)&^15)) // whole vectors
		*x = elements[float32](unsafe.Pointer(unsafe.SliceData(m)), len(before))
		fill(*x, math.Float32frombits(0x7fc17fc1))
		undo = append(undo, func() { *x = before; free() })
	}
	if len(d.shared) > 0 {
		guard(&d.shared)
	}
	for _, w := range d.pool.workers {
		if len(w.scratch) > 0 {
			guard(&w.scratch)
		}
	}
	return func() {
		for _, f := range undo {
			f()
		}
	}
}

// check runs the trial on every instruction set with 1 and 3 threads and compares it with its definition, the bits of
// one thread with those of three, and everything that must not change with what it was.
func (c *trial) check(t *testing.T) {
	t.Helper()
	c.checkOn(t, ISAs()...)
}

func (c *trial) checkOn(t *testing.T, isas ...string) {
	t.Helper()
	var want [][]float64
	for _, isa := range isas {
		var first []placed
		for _, threads := range []int{1, 3} {
			o := c.opts
			o.ISA, o.Threads = isa, threads
			out, in := c.execute(t, o)
			for i, p := range append(append([]placed{}, out...), in...) {
				for _, x := range p.whole[:front] {
					if x != sentinel {
						t.Fatalf("%s %s: memory before operand %d was written", isa, c.name(), i)
					}
				}
			}
			for i, p := range in {
				want := make([]byte, len(p.data))
				c.in[i].encode(want)
				if string(want) != string(p.data) {
					t.Fatalf("%s %s: input %d was written", isa, c.name(), i)
				}
			}
			if threads == 1 {
				first = out
				if want == nil {
					want = c.expected(out, in)
				}
				c.compare(t, isa, out, want)
				continue
			}
			for i, p := range out {
				if string(p.data) != string(first[i].data) {
					t.Fatalf("%s %s: output %d: want the same bits with 1 and 3 threads, had others", isa, c.name(), i)
				}
			}
		}
	}
}

func (c *trial) expected(out, in []placed) [][]float64 {
	var want, args [][]float64
	for _, p := range out {
		want = append(want, append([]float64{}, p.init...))
	}
	for i := 0; i < len(in); i++ {
		values := in[i].init
		if c.in[i].dtype.Quantized() {
			codes, scales := values, in[i+1].init
			values = make([]float64, len(codes))
			for j, x := range codes {
				values[j] = x * scales[j/(len(codes)/len(scales))]
			}
			i++
		}
		args = append(args, values)
	}
	define(c.sizes, want, args)
	return want
}

func (c *trial) compare(t *testing.T, isa string, out []placed, want [][]float64) {
	t.Helper()
	for i, p := range out {
		tol := 1e-6
		if c.tol != nil {
			tol = c.tol[i]
		}
		worst := 0.0
		for j, w := range want[i] {
			bits := binary.LittleEndian.Uint32(p.data[4*j:])
			had := float64(math.Float32frombits(bits))
			if c.out[i].dtype == kernel.I32 {
				had = float64(int32(bits))
			}
			if math.IsNaN(w) {
				if bits != poison {
					t.Fatalf("%s %s: output %d element %d: want it untouched, had %v", isa, c.name(), i, j, had)
				}
				continue
			}
			if had == w {
				continue
			}
			e := math.Abs(had - w)
			worst = max(worst, e)
			if !(e <= tol+c.rel*math.Abs(w)) {
				t.Fatalf("%s %s: output %d element %d: want %v, had %v, off by %.2g", isa, c.name(), i, j, w, had, e)
			}
		}
	}
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }
