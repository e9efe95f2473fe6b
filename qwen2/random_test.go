package qwen2

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// randomLogits are those of two tokens, the second read twice.
func randomLogits(t *testing.T, d kernel.Device, c Config, o LoadOptions) []float32 {
	t.Helper()
	m, err := Random(d, c, 7, o)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := m.NewSession(8, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	read := func(id int32) []float32 {
		x := make([]float32, c.Vocab)
		if err := s.Append([]int32{id}); err != nil {
			t.Fatal(err)
		}
		if err := s.Logits(x); err != nil {
			t.Fatal(err)
		}
		return x
	}
	read(3)
	first := read(5)
	s.Rewind(1)
	if again := read(5); !slices.Equal(first, again) {
		t.Errorf("after Rewind: have other logits, want the same")
	}
	return first
}

// A random model computes numbers, the same for the same seed, whatever its weights are stored as.
func TestRandom(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		for _, name := range []string{"model-tiny", "model-untied-sharded"} {
			c, err := ReadConfig(filepath.Join("testdata", name, "model"))
			if err != nil {
				t.Fatal(err)
			}
			for i, o := range []LoadOptions{{}, {Quantize: bnb.NF4, Head: bnb.Int8}, {Quantize: bnb.Int8}, {Quantize: bnb.FP4},
				{Convert: true, DType: tensor.F32}, {Convert: true, DType: tensor.F16}} {
				if c.Hidden%64 != 0 && (o.Quantize == bnb.NF4 || o.Quantize == bnb.FP4) {
					continue
				}
				x := randomLogits(t, d, *c, o)
				if !slices.Equal(x, randomLogits(t, d, *c, o)) {
					t.Errorf("%s %d: have other logits, want the same for a seed", name, i)
				}
				square := 0.0
				for _, v := range x {
					square += float64(v) * float64(v) / float64(len(x))
				}
				// Normed inputs of mean square 1 times weights of deviation 0.02.
				if want := math.Sqrt(float64(c.Hidden)) * deviation; !(math.Sqrt(square) > want/4 && math.Sqrt(square) < 4*want) {
					t.Errorf("%s %d: want logits of about %.2g, have %.2g", name, i, want, math.Sqrt(square))
				}
			}
		}
	})
}
