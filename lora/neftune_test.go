package lora

import (
	"context"
	"math"
	"testing"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// The noise of a row is uniform within ±alpha/√(T·C) for its own T, other in every step, and padding has none.
func TestNEFTuneNoise(t *testing.T) {
	const alpha, hidden = 5, 1024
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		batch := rows(100)[1:4]
		z := sizeOf(batch)
		n, err := newNEFTune(d, alpha, z)
		if err != nil {
			t.Fatal(err)
		}
		defer n.free()
		key, err := tensor.New(d, tensor.IntsOf(3), kernel.Staging)
		if err != nil {
			t.Fatal(err)
		}
		defer key.Free()
		y, err := tensor.New(d, tensor.Of(z.tokens, hidden), kernel.Staging)
		if err != nil {
			t.Fatal(err)
		}
		defer y.Free()
		programs := tensor.NewPrograms[int](d, kernel.CompileOptions{})
		defer programs.Close()
		p, err := programs.Get(0, func(r *tensor.Recorder) {
			noise := n.of(z, key)
			r.Apply(tensor.Noise{Site: noise.Site}, []*tensor.Tensor{y}, []*tensor.Tensor{y, key, noise.Amplitude})
		})
		if err != nil {
			t.Fatal(err)
		}
		run := func(step int32) []float32 {
			x := make([]float32, y.Len())
			for _, err := range []error{y.WriteFloats(x), n.write(batch, z, hidden), key.WriteInts([]int32{3, step, 0}), p.Run(),
				y.ReadFloats(x)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			return x
		}
		x, other := run(0), run(1)
		at := 0
		for _, e := range batch {
			length := len(e.IDs)
			checkUniform(t, x[at*hidden:(at+length)*hidden], alpha/math.Sqrt(float64(length*hidden)))
			at += length
		}
		for i, v := range x[at*hidden:] {
			if v != 0 {
				t.Fatalf("padding: element %d: want no noise, have %v", i, v)
			}
		}
		product, square := 0.0, 0.0
		for i, v := range x {
			product, square = product+float64(v)*float64(other[i]), square+float64(v)*float64(v)
		}
		// Of 33·1024 independent products the mean is within 1/√33792 of 0, five times that at most.
		if c := product / square; math.Abs(c) > 0.03 {
			t.Errorf("the noise of two steps has a correlation of %.3f", c)
		}
	})
}

// checkUniform wants x to be uniform in ±most: with over 8000 values, each of eight equal parts of the range has an
// eighth of them within five standard deviations.
func checkUniform(t *testing.T, x []float32, most float64) {
	t.Helper()
	var parts [8]int
	for _, v := range x {
		u := (float64(v)/most + 1) / 2
		if u < -1e-6 || u > 1+1e-6 {
			t.Fatalf("want values within ±%g, have %g", most, v)
		}
		parts[min(7, max(0, int(8*u)))]++
	}
	n := float64(len(x))
	for i, have := range parts {
		if math.Abs(float64(have)-n/8) > 5*math.Sqrt(n*7/64) {
			t.Errorf("part %d of the range ±%g: want about %.0f of %d values, have %d", i, most, n/8, len(x), have)
		}
	}
}

// Noise changes what is learned, and an alpha of 0 changes not a bit.
func TestNEFTuneAlpha(t *testing.T) {
	m := loadModel(t, devtest.CPU(t), "model-tiny")
	result := func(alpha float64) map[string][]float32 {
		c := resumable(m, "")
		c.NEFTuneAlpha = alpha
		x, _, _ := train(t, context.Background(), m, c)
		return x
	}
	plain, _, _ := train(t, context.Background(), m, resumable(m, ""))
	none, noisy := result(0), result(5)
	same := true
	for key, x := range plain {
		if !sameBits(x, none[key]) {
			t.Errorf("%s differs with an alpha of 0", key)
		}
		same = same && sameBits(x, noisy[key])
	}
	if same {
		t.Error("want another result with noise, have the same")
	}
}
