package peft

import (
	"math"
	"slices"
	"testing"
)

func TestInitWeights(t *testing.T) {
	const in, out, r = 256, 300, 64
	for _, c := range []struct {
		kind             InitKind
		deviationA, maxA float64
		deviationB       float64
	}{
		{InitDefault, 1 / math.Sqrt(3*in), 1 / math.Sqrt(in), 0},
		{InitRandom, 1 / math.Sqrt(3*in), 1 / math.Sqrt(in), 1 / math.Sqrt(3.0*r)},
		{InitGaussian, 1.0 / r, 6.0 / r, 0},
	} {
		config := with(func(x *Config) { x.R, x.Init = r, c.kind })
		a, b, err := config.InitWeights(1, "m", in, out)
		if err != nil {
			t.Fatal(err)
		}
		if len(a) != r*in || len(b) != out*r {
			t.Fatalf("%s: have %d and %d values", c.kind, len(a), len(b))
		}
		// 16384 values: a deviation is known to about 0.6 %, a mean to 0.8 % of it; the bounds are five times that.
		if mean, dev, most := moments(a); math.Abs(mean) > 0.04*c.deviationA ||
			math.Abs(dev/c.deviationA-1) > 0.03 || most > c.maxA {
			t.Errorf("%s: A has mean %v, deviation %v, maximum %v", c.kind, mean, dev, most)
		}
		if _, dev, _ := moments(b); math.Abs(dev-c.deviationB) > 0.03*c.deviationB {
			t.Errorf("%s: B has deviation %v", c.kind, dev)
		}
		again, _, _ := config.InitWeights(1, "m", in, out)
		other, _, _ := config.InitWeights(1, "n", in, out)
		seed, _, _ := config.InitWeights(2, "m", in, out)
		if !slices.Equal(a, again) || slices.Equal(a, other) || slices.Equal(a, seed) {
			t.Errorf("%s: the values do not depend on seed and name alone", c.kind)
		}
	}
	if _, _, err := with(func(c *Config) { c.Init = "pissa" }).InitWeights(1, "m", 1, 1); err == nil {
		t.Error("want pissa refused")
	}
	if _, _, err := with(func(*Config) {}).InitWeights(1, "m", 0, 1); err == nil {
		t.Error("want a size of 0 refused")
	}
}

func moments(x []float32) (mean, deviation, most float64) {
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	for _, v := range x {
		deviation += (float64(v) - mean) * (float64(v) - mean) / float64(len(x))
		most = max(most, math.Abs(float64(v)))
	}
	return mean, math.Sqrt(deviation), most
}
