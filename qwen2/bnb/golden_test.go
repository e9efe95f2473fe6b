package bnb

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vulora/vulora/qwen2/safetensors"
)

// golden returns the folder of what bitsandbytes made: of the set that $VULORA_GOLDENS names, or of testdata, whose
// checkpoints are cut down to a few weights.
func golden() string {
	if dir := os.Getenv("VULORA_GOLDENS"); dir != "" {
		return filepath.Join(dir, "bnb-4bit")
	}
	return filepath.Join("testdata", "bnb-4bit")
}

// goldenFile is a file whose missing tensors fail the test.
type goldenFile struct {
	*safetensors.File
	t *testing.T
}

func open(t *testing.T, path string) goldenFile {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return goldenFile{f, t}
}

func (f goldenFile) tensor(name string) safetensors.Tensor {
	f.t.Helper()
	x, ok := f.Tensor(name)
	if !ok {
		f.t.Fatalf("no tensor %s", name)
	}
	return x
}

func (f goldenFile) floats(name string) []float32 {
	f.t.Helper()
	x := f.tensor(name)
	v := make([]float32, len(x.Data)/max(1, sizes[x.DType]))
	if err := safetensors.Floats(x, v); err != nil {
		f.t.Fatal(err)
	}
	return v
}

// matrices calls do for each file of the case that has a matrix to quantise, and each format.
func matrices(t *testing.T, do func(t *testing.T, f goldenFile, format Format)) {
	paths, err := filepath.Glob(filepath.Join(golden(), "*.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, path := range paths {
		if probe := open(t, path); !slices.Contains(probe.Names(), "input") {
			continue
		}
		count++
		for _, format := range []Format{NF4, FP4} {
			t.Run(strings.TrimSuffix(filepath.Base(path), ".safetensors")+"/"+format.String(), func(t *testing.T) {
				do(t, open(t, path), format)
			})
		}
	}
	if count == 0 {
		t.Fatalf("no matrices in %s", golden())
	}
}

func sameBits(t *testing.T, what string, have, want []float32) {
	t.Helper()
	if len(have) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(have), len(want))
	}
	for i := range want {
		if math.Float32bits(have[i]) != math.Float32bits(want[i]) && (have[i] != 0 || want[i] != 0) { // -0 is 0
			t.Fatalf("%s: element %d is %v, want %v", what, i, have[i], want[i])
		}
	}
}

// nearly is the goldens' 1e-6 relative: a mean in another order of summation, a fused product and sum. near is what
// the number is the difference of.
func nearly(have, want, near float32) bool {
	return math.Abs(float64(have)-float64(want)) <= 1e-6*math.Abs(float64(near))
}

func TestGoldenTables(t *testing.T) {
	f := open(t, filepath.Join(golden(), "tables.safetensors"))
	nested, nf4, fp4 := DynamicMap(), NF4.Levels(), FP4.Levels()
	for name, have := range map[string][]float32{
		"nf4_table": nf4[:], "nf4_bounds": nf4Bounds[:], "fp4_table": fp4[:], "fp4_bounds": fp4Bounds[:],
		"nested_code": nested[:],
	} {
		want := f.floats(name)
		sameBits(t, name, have, want)
	}
	if want := f.tensor("fp4_order").Data; !bytes.Equal(fp4Order[:], want) {
		t.Errorf("fp4_order is %v, want %v", fp4Order, want)
	}
}

func TestGoldenQuantize(t *testing.T) {
	matrices(t, func(t *testing.T, f goldenFile, format Format) {
		input, q := f.tensor("input"), "cuda."+format.String()
		m, err := QuantizeTensor(format, input, Options{})
		if err != nil {
			t.Fatal(err)
		}
		sameBits(t, "absmax", m.Absmax, f.floats(q+".absmax"))
		packed, ambiguous := f.tensor(q+".packed").Data, f.tensor(q+".ambiguous").Data
		if len(packed) != len(m.Packed) {
			t.Fatalf("%d packed bytes, want %d", len(m.Packed), len(packed))
		}
		for i := range ambiguous {
			shift := 4 - 4*(i%2)
			have, want := m.Packed[i/2]>>shift&15, packed[i/2]>>shift&15
			if have != want && ambiguous[i] == 0 {
				t.Fatalf("element %d has code %d, want %d", i, have, want)
			}
		}
		floats, err := Quantize(format, f.floats("input"), input.Shape[0], input.Shape[1], Options{})
		if err != nil || !bytes.Equal(floats.Packed, m.Packed) {
			t.Errorf("quantised from float32 (%v): not the bytes as from %s", err, input.DType)
		}
	})
}

func TestGoldenDoubleQuant(t *testing.T) {
	matrices(t, func(t *testing.T, f goldenFile, format Format) {
		q := "cuda." + format.String() + ".dq."
		m, err := QuantizeTensor(format, f.tensor("input"), Options{DoubleQuant: true})
		if err != nil {
			t.Fatal(err)
		}
		offset := f.floats(q + "offset")[0]
		if !nearly(m.Nested.Offset, offset, offset) {
			t.Errorf("offset is %v, want %v", m.Nested.Offset, offset)
		}
		want := f.floats(q + "nested_absmax")
		if len(want) != len(m.Nested.Absmax) {
			t.Fatalf("%d nested absmax, want %d", len(m.Nested.Absmax), len(want))
		}
		for i := range want {
			if !nearly(m.Nested.Absmax[i], want[i], max(want[i], offset)) {
				t.Errorf("nested absmax %d is %v, want %v", i, m.Nested.Absmax[i], want[i])
			}
		}
		codes, differ := f.tensor(q+"absmax").Data, 0
		for i, want := range codes {
			d := int(m.Nested.Codes[i]) - int(want)
			if d < -1 || d > 1 {
				t.Fatalf("nested code %d is %d, want %d", i, m.Nested.Codes[i], want)
			}
			differ += d * d
		}
		if m.Nested.Offset == offset && differ > 0 {
			t.Errorf("%d of %d nested codes differ with an equal offset", differ, len(codes))
		}
		t.Logf("offset off by %g, %d of %d nested codes differ", m.Nested.Offset-offset, differ, len(codes))
	})
}

func TestGoldenDequantize(t *testing.T) {
	matrices(t, func(t *testing.T, f goldenFile, format Format) {
		shape, q := f.tensor("input").Shape, "cuda."+format.String()
		m := Matrix{Format: format, N: shape[0], K: shape[1], Packed: f.tensor(q + ".packed").Data,
			Absmax: f.floats(q + ".absmax")}
		for suffix, dtype := range map[string]string{"f32": "F32", "bf16": "BF16", "f16": "F16"} {
			checkDequantized(t, m, f.tensor("dequant."+format.String()+"."+suffix), dtype)
		}

		m.Absmax = nil
		m.Nested = &Nested{Codes: f.tensor(q + ".dq.absmax").Data, Absmax: f.floats(q + ".dq.nested_absmax"),
			Offset: f.floats(q + ".dq.offset")[0]}
		scales, err := m.Scales()
		if err != nil {
			t.Fatal(err)
		}
		restored := f.floats("dequant." + format.String() + ".dq.absmax")
		for i, want := range restored {
			if !nearly(scales[i], want, m.Nested.Offset) {
				t.Fatalf("restored absmax %d is %v, want %v", i, scales[i], want)
			}
		}
		m.Absmax, m.Nested = restored, nil // The product is exact for the same absmax.
		checkDequantized(t, m, f.tensor("dequant."+format.String()+".dq.f32"), "F32")
	})
}

// checkDequantized compares bits, but for the sign of zeros.
func checkDequantized(t *testing.T, m Matrix, want safetensors.Tensor, dtype string) {
	t.Helper()
	if want.DType != dtype {
		t.Fatalf("%s is %s, want %s", want.Name, want.DType, dtype)
	}
	have := want
	have.Data = make([]byte, len(want.Data))
	if err := m.DequantizeTo(dtype, have.Data); err != nil {
		t.Fatal(err)
	}
	a, b := make([]float32, m.N*m.K), make([]float32, m.N*m.K)
	if err := safetensors.Floats(have, a); err != nil {
		t.Fatal(err)
	}
	if err := safetensors.Floats(want, b); err != nil {
		t.Fatal(err)
	}
	sameBits(t, want.Name, a, b)
}
