package report

import (
	"math"
	"slices"
	"testing"

	"github.com/vulora/vulora/lora"
)

// A point sums up the values of an interval, and the intervals double when there is one too many.
func TestSeriesDoubles(t *testing.T) {
	s := series{most: 4}
	want := map[int][]point{
		5: {{1, 1, 1, 5, 5, 5, 5}, {2, 3, 2, 1, 9, 10, 9}, {4, 5, 2, 2, 4, 6, 2}},  // intervals of 2
		8: {{1, 3, 3, 1, 9, 15, 9}, {4, 7, 4, 2, 8, 17, 3}, {8, 8, 1, 7, 7, 7, 7}}} // and of 4
	for i, x := range []float64{5, 1, 9, 4, 2, 8, 3, 7} {
		step := i + 1
		s.add(step, x)
		for _, not := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			s.add(step, not)
		}
		if w := want[step]; w != nil && !slices.Equal(s.points, w) {
			t.Errorf("after step %d: want %v, have %v", step, w, s.points)
		}
	}
	if p := &s.points[1]; p.middle() != 5.5 || p.mean() != 4.25 {
		t.Errorf("want a mean of 4.25 at 5.5, have %v at %v", p.mean(), p.middle())
	}
	far := series{most: 1}
	far.add(1, 2)
	far.add(100, 3)
	if want := []point{{1, 100, 2, 2, 3, 5, 3}}; !slices.Equal(far.points, want) {
		t.Errorf("want as many doublings as it takes, have %v", far.points)
	}
}

// Smoothing is a Gaussian's: of 121 steps its deviation is 2, and it ends at 3 deviations. A point counts as often as
// it has values.
func TestSmoothingIsGaussian(t *testing.T) {
	var s series
	sum := 0.0
	for step := 1; step <= 121; step++ {
		x := 0.0
		if step == 61 {
			x = 1
		}
		s.add(step, x)
		if k := float64(step - 61); math.Abs(k) <= 6 {
			sum += math.Exp(-k * k / 8)
		}
	}
	for i, have := range s.smoothed() {
		k, want := float64(i+1-61), 0.0
		if math.Abs(k) <= 6 {
			want = math.Exp(-k*k/8) / sum
		}
		if math.Abs(have-want) > 1e-14 { // rounding of a sum of 13 terms of at most 1
			t.Errorf("step %d: want %v, have %v", i+1, want, have)
		}
	}
	s = series{points: []point{{first: 1, last: 1, n: 1, sum: 0}, {first: 2, last: 2, n: 3, sum: 12},
		{first: 61, last: 61, n: 1}}}
	w := 3 * math.Exp(-0.5) // a deviation of 1 away
	if have, want := s.smoothed()[0], 4*w/(1+w); math.Abs(have-want) > 1e-14 {
		t.Errorf("want %v of one value of 0 and three of 4, have %v", want, have)
	}
}

// What is drawn is a copy that a step does not change.
func TestHistoryIsCopied(t *testing.T) {
	h := newHistory(Run{}, 2)
	h.step(lora.Progress{Step: 1, Loss: 1})
	h.step(lora.Progress{Step: 2, Loss: 2})
	c := h.copied()
	h.step(lora.Progress{Step: 3, Loss: 3})
	if len(h.loss.points) != 2 {
		t.Errorf("want at most 2 points, have %v", h.loss.points)
	}
	for name, s := range map[string]*series{"loss": &c.loss, "norm": &c.norm, "rate": &c.rate} {
		if len(s.points) != 2 || s.points[1].last != 2 {
			t.Errorf("%s: want the points as they were, have %v", name, s.points)
		}
	}
}
