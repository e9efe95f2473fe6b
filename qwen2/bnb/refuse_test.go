package bnb

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/vulora/vulora/qwen2/safetensors"
)

func TestNotFinite(t *testing.T) {
	n, k := 40, 100
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		for _, f := range []Format{NF4, FP4, Int8} {
			for _, at := range []int{0, 2*k + 17, n*k - 1} {
				w := weights(n*k, 4)
				w[at] = bad
				if at < n*k-1 {
					w[n*k-1] = bad // The first one is told.
				}
				data := make([]byte, 2*n*k)
				if err := narrow("BF16", w, data); err != nil {
					t.Fatal(err)
				}
				tensor := safetensors.Tensor{Name: "layer.weight", DType: "BF16", Shape: []int{n, k}, Data: data}
				_, err := QuantizeTensor(f, tensor, Options{Workers: 4})
				want := fmt.Sprintf("layer.weight: row %d, column %d: want a finite weight, have %v", at/k, at%k, bad)
				if err == nil || !strings.HasSuffix(err.Error(), want) {
					t.Errorf("%v: error %v, want %s", f, err, want)
				}
			}
		}
	}
}

func TestRefused(t *testing.T) {
	w := make([]float32, 128)
	for _, c := range []struct {
		f    Format
		n, k int
		o    Options
		want string
	}{
		{0, 2, 64, Options{}, "want nf4, fp4 or int8, have format(0)"},
		{NF4, 2, 63, Options{}, "want 126 elements for 2×63, have 128"},
		{NF4, 0, 64, Options{}, "at least one row"},
		{NF4, -2, -64, Options{}, "at least one row"},
		{NF4, 1 << 40, 1 << 40, Options{}, "too many"},
		{Int8, 2, 64, Options{DoubleQuant: true}, "double quantisation: want nf4 or fp4, have int8"},
	} {
		if _, err := Quantize(c.f, w, c.n, c.k, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v of %d×%d: error %v, want %q", c.f, c.n, c.k, err, c.want)
		}
	}
	for _, c := range []struct {
		t    safetensors.Tensor
		want string
	}{
		{safetensors.Tensor{Name: "w", DType: "I8", Shape: []int{1, 1}, Data: []byte{1}}, "w: want F32, F16 or BF16"},
		{safetensors.Tensor{Name: "w", DType: "F32", Shape: []int{1}, Data: make([]byte, 4)}, "w: want a matrix"},
		{safetensors.Tensor{Name: "w", DType: "F16", Shape: []int{1, 2}, Data: make([]byte, 5)}, "w: want whole elements"},
	} {
		if _, err := QuantizeTensor(NF4, c.t, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q", c.t, err, c.want)
		}
	}
}

// TestInconsistent spoils each part of a matrix: no method may panic.
func TestInconsistent(t *testing.T) {
	for name, spoil := range map[string]func(*Matrix){
		"format":      func(m *Matrix) { m.Format = 9 },
		"rows":        func(m *Matrix) { m.N++ },
		"columns":     func(m *Matrix) { m.K = 0 },
		"packed":      func(m *Matrix) { m.Packed = m.Packed[1:] },
		"absmax":      func(m *Matrix) { m.Absmax = []float32{1} },
		"codes":       func(m *Matrix) { m.Nested.Codes = nil },
		"nested":      func(m *Matrix) { m.Nested = nil },
		"nested int8": func(m *Matrix) { m.Format, m.Packed = Int8, make([]byte, 256) },
	} {
		m, err := Quantize(NF4, weights(256, 1), 4, 64, Options{DoubleQuant: true})
		if err != nil {
			t.Fatal(err)
		}
		spoil(&m)
		_, scales := m.Scales()
		_, encode := Encode(m, "w")
		for i, err := range []error{scales, encode, m.Dequantize(make([]float32, 256)),
			m.DequantizeRows(0, make([]float32, 64)), m.DequantizeTo("F32", make([]byte, 1024))} {
			if err == nil {
				t.Errorf("%s, method %d: no error", name, i)
			}
		}
	}
}
