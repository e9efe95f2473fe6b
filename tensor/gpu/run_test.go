package gpu

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vulora/vulora/tensor/kernel"
)

// device is what open returns: pipelines are made once for all tests.
var device *Device

// TestMain closes the device and wants all buffers to have been freed.
func TestMain(m *testing.M) {
	code := m.Run()
	if device != nil {
		used := device.Usage()
		used[kernel.Staging] -= device.scratch.Bytes
		if used.Total() != 0 {
			fmt.Fprintf(os.Stderr, "want all buffers freed, have %v\n", used)
			code = 1
		}
		if err := errors.Join(device.Close(), device.Close()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// open returns a device, the same in all tests, with its traits as Open chose them. Without Vulkan tests fail, so that
// nobody takes silence for success: VULORA_TEST_VULKAN=off says that there is none.
func open(t testing.TB) *Device {
	t.Helper()
	switch {
	case !built:
		t.Skip("NOT TESTED ON VULKAN: built without Vulkan: nothing of it is tested")
	case os.Getenv("VULORA_TEST_VULKAN") == "off":
		t.Skip("NOT TESTED ON VULKAN: VULORA_TEST_VULKAN=off: nothing of Vulkan is tested")
	}
	if device == nil {
		d, err := Open(Options{Shared: testMatrices()})
		if err != nil {
			t.Fatalf("want a Vulkan device (or VULORA_TEST_VULKAN=off), have %v", err)
		}
		device = d
	}
	was := device.traits
	t.Cleanup(func() { device.traits = was })
	return device
}

// testMatrices tells whether a software device is to multiply matrices, and must.
func testMatrices() bool { return os.Getenv("VULORA_TEST_MATRIX") == "on" }

// TestKernels runs every variant of every kernel against the definitions. Those with matrices need a device that has
// them: "make test-coopmat" runs them on one.
func TestKernels(t *testing.T) {
	d := open(t)
	seen := map[string]bool{}
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			run := newRun(t, d, c)
			for _, tr := range run.ways(d) {
				steps, err := lower(tr, run.launch, d.scratch)
				if err != nil {
					t.Fatal(err)
				}
				var name string
				for _, s := range steps {
					seen[s.shader] = true
					name = fmt.Sprintf("%s%v", s.shader, s.spec)
				}
				t.Run(name, func(t *testing.T) { run.check(t, d, tr) })
			}
		})
	}
	if testMatrices() && !d.traits.has(matrices) && !d.traits.has(halves) {
		t.Error("VULORA_TEST_MATRIX=on: want a device with matrices")
	}
	for _, name := range shaderNames(t) {
		half := strings.HasSuffix(name, ".matrix.half")
		if half && !d.traits.has(halves) || !half && strings.HasSuffix(name, ".matrix") && !d.traits.has(matrices) {
			continue
		}
		if !seen[name] {
			t.Errorf("shader %s was not run", name)
		}
	}
}

// testRun is a case in device memory: each operand in a buffer of its own between guards.
type testRun struct {
	testCase
	launch kernel.Launch
}

// guard bytes lie before and after every operand: as numbers they are NaN.
const guard, guardByte = 256, 0xff

func newRun(t testing.TB, d *Device, c testCase) *testRun {
	t.Helper()
	r := &testRun{c, kernel.Launch{Sizes: c.sizes, Where: "test"}}
	place := func(a array) kernel.Range {
		data := a.bytes()
		padded := append(bytes.Repeat([]byte{guardByte}, guard), data...)
		padded = append(padded, bytes.Repeat([]byte{guardByte}, guard)...)
		b, err := d.Import(padded, kernel.Activations)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Free)
		return kernel.Range{Buffer: b, Offset: guard, Bytes: int64(len(data)), DType: a.dtype}
	}
	for _, a := range c.out {
		r.launch.Out = append(r.launch.Out, place(a))
	}
	for _, a := range c.in {
		r.launch.In = append(r.launch.In, place(a))
	}
	return r
}

// ways returns traits that make every variant, with wide and narrow tiles and each of matrices, be taken once.
func (r *testRun) ways(d *Device) (all []traits) {
	t := d.traits
	t.shared = true
	var seen []string
	for _, words := range kernels[reflect.TypeOf(r.sizes)].words(t, r.launch, d.scratch) {
		for way := range 2 * (1 + len(t.tiles)) {
			t.forced, t.only, t.wide, t.tile = true, words, way%2 == 0, way/2
			steps, err := lower(t, r.launch, d.scratch)
			key := fmt.Sprint(err)
			for _, s := range steps {
				key += fmt.Sprint(s.shader, s.spec, s.groups)
			}
			if !slices.Contains(seen, key) {
				seen, all = append(seen, key), append(all, t)
			}
		}
	}
	return all
}

func (r *testRun) check(t *testing.T, d *Device, tr traits) {
	d.traits, tr = tr, d.traits
	defer func() { d.traits = tr }()
	for i, a := range r.out {
		if err := r.launch.Out[i].Buffer.Write(guard, a.bytes()); err != nil {
			t.Fatal(err)
		}
	}
	p, err := d.Compile([]kernel.Launch{r.launch}, kernel.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	for i, a := range r.out {
		if err := r.compare(i, a); err != nil {
			t.Error(err)
		}
	}
}

// compare reads output i back and compares it, and its guards.
func (r *testRun) compare(i int, before array) error {
	o := r.launch.Out[i]
	all := make([]byte, o.Buffer.Bytes())
	if err := o.Buffer.Read(0, all); err != nil {
		return err
	}
	end := guard + int(o.Bytes)
	for at, b := range all[:end+guard] {
		if (at < guard || at >= end) && b != guardByte {
			return fmt.Errorf("output %d: byte %d, outside, was written", i, at-guard)
		}
	}
	old, want := before.bytes(), r.want[i]
	size := 1.0
	for _, w := range want {
		if !math.IsNaN(w) && !math.IsInf(w, 0) {
			size = max(size, math.Abs(w))
		}
	}
	for j, w := range want {
		word := all[guard+4*j:][:4]
		if math.IsNaN(w) {
			if !bytes.Equal(word, old[4*j:][:4]) {
				return fmt.Errorf("output %d: element %d was written", i, j)
			}
			continue
		}
		bits := binary.LittleEndian.Uint32(word)
		have := float64(math.Float32frombits(bits))
		if before.dtype == kernel.I32 {
			have = float64(int32(bits))
		}
		if have != w && !(math.Abs(have-w) <= r.tol*size) {
			return fmt.Errorf("output %d: element %d: want %g ± %g, have %g", i, j, w, r.tol*size, have)
		}
	}
	return nil
}

// bytes returns the contents as the device stores them; f16 and bf16 values are exact and not subnormal.
func (a array) bytes() (b []byte) {
	if fourBits(a.dtype) {
		for i := 0; i < len(a.v); i += 2 {
			b = append(b, byte(a.v[i])<<4|byte(a.v[i+1]))
		}
		return b
	}
	for _, v := range a.v {
		f := math.Float32bits(float32(v))
		switch a.dtype {
		case kernel.I32:
			b = binary.LittleEndian.AppendUint32(b, uint32(int32(v)))
		case kernel.I8:
			b = append(b, byte(int8(v)))
		case kernel.F32:
			b = binary.LittleEndian.AppendUint32(b, f)
		case kernel.BF16:
			b = binary.LittleEndian.AppendUint16(b, uint16(f>>16))
		case kernel.F16:
			h := uint16(f >> 16 & 0x8000)
			if v != 0 {
				h |= uint16((f>>23&0xff)-127+15)<<10 | uint16(f>>13&0x3ff)
			}
			b = binary.LittleEndian.AppendUint16(b, h)
		}
	}
	return b
}
