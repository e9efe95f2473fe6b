package bnb

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vulora/vulora/qwen2/safetensors"
)

// TestGoldenCheckpoints decodes what transformers saved, compares the weights, and writes the file again.
func TestGoldenCheckpoints(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(golden(), "*", "model", "*.safetensors"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no checkpoints in %s (%v)", golden(), err)
	}
	for _, path := range paths {
		dir := filepath.Dir(filepath.Dir(path))
		t.Run(filepath.Base(dir), func(t *testing.T) { goldenCheckpoint(t, path, dir) })
	}
}

func goldenCheckpoint(t *testing.T, path, dir string) {
	f := open(t, path)
	weights := map[string]Matrix{}
	written := map[string]bool{}
	var tensors []safetensors.Tensor
	for _, name := range f.Names() {
		if !Quantized(f.Tensor, name) {
			continue
		}
		m, err := Decode(f.Tensor, name)
		if err != nil {
			t.Fatal(err)
		}
		weights[name] = m
		encoded, err := Encode(m, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, have := range encoded {
			want := f.tensor(have.Name)
			if have.DType != want.DType || !slices.Equal(have.Shape, want.Shape) || !bytes.Equal(have.Data, want.Data) {
				t.Errorf("%s: encoded as %s %v %.80q, want %s %v %.80q", have.Name, have.DType, have.Shape, have.Data,
					want.DType, want.Shape, want.Data)
			}
			written[have.Name] = true
		}
		tensors = append(tensors, encoded...)
	}
	if len(weights) == 0 {
		t.Fatal("no quantised weights")
	}
	for _, name := range f.Names() {
		if !written[name] {
			tensors = append(tensors, f.tensor(name))
		}
	}
	again := filepath.Join(t.TempDir(), "model.safetensors")
	if err := safetensors.Write(again, tensors, f.Metadata()); err != nil {
		t.Fatal(err)
	}
	sameFiles(t, again, path)

	expected, compared := open(t, filepath.Join(dir, "expected.safetensors")), 0
	for _, name := range expected.Names() {
		kind, weight, _ := strings.Cut(name, ".")
		m := weights["model."+weight]
		switch kind {
		case "dequant":
			checkDequantized(t, m, expected.tensor(name), "F32")
		case "dequant_rounded":
			checkRounded(t, m, expected.tensor(name))
		default:
			continue
		}
		compared++
	}
	if compared == 0 {
		t.Error("no dequantised weights to compare with")
	}
}

// checkRounded compares weights rounded to the quant_state's dtype with float32 that were.
func checkRounded(t *testing.T, m Matrix, want safetensors.Tensor) {
	t.Helper()
	data := make([]byte, m.N*m.K*sizes[m.DType])
	if err := m.DequantizeTo(m.DType, data); err != nil {
		t.Fatal(err)
	}
	a := make([]float32, m.N*m.K)
	if err := safetensors.Floats(safetensors.Tensor{DType: m.DType, Shape: want.Shape, Data: data}, a); err != nil {
		t.Fatal(err)
	}
	b := make([]float32, m.N*m.K)
	for i := range b {
		b[i] = math.Float32frombits(binary.LittleEndian.Uint32(want.Data[4*i:]))
	}
	sameBits(t, want.Name, a, b)
}

func sameFiles(t *testing.T, have, want string) {
	t.Helper()
	a, err := os.ReadFile(have)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("the file written again has %d bytes and differs from %s with %d", len(a), want, len(b))
	}
}
