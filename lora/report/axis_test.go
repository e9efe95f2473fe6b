package report

import (
	"math"
	"testing"
)

func TestAxisPlaces(t *testing.T) {
	linear := axis{low: 0, high: 10, from: 100, to: 0}
	logarithmic := axis{low: 1, high: 100, from: 0, to: 200, log: true}
	for _, c := range []struct {
		a       axis
		x, want float64
	}{{linear, 0, 100}, {linear, 2.5, 75}, {linear, 10, 0},
		{logarithmic, 1, 0}, {logarithmic, math.Sqrt(10), 50}, {logarithmic, 10, 100}, {logarithmic, 100, 200}} {
		if have := c.a.at(c.x); math.Abs(have-c.want) > 1e-12 { // rounding of places up to 200
			t.Errorf("%+v: want %v at %v, have %v", c.a, c.x, c.want, have)
		}
	}
}

// An axis has the values in it and at most a tenth of itself beside them at either end, and is logarithmic only where a
// linear one would hide what is small.
func TestNewAxis(t *testing.T) {
	for _, c := range []struct {
		low, high   float64
		mayLog, log bool
	}{{1, 10, true, false}, {1, 19, true, false}, {1, 21, true, true}, {1e-3, 1e3, true, true},
		{1e-3, 1e3, false, false}, {0, 1000, true, false}, {-1, 1000, true, false}, {-2, -1, true, false}} {
		a := newAxis(c.low, c.high, 0, 1, c.mayLog)
		low, high := a.at(c.low), a.at(c.high)
		if a.log != c.log || !(low >= 0 && low < 0.1) || !(high > 0.9 && high < 1) || low == 0 && c.low != 0 {
			t.Errorf("%+v: have %+v, with the values between %v and %v", c, a, low, high)
		}
		if c.low >= 0 && a.low < 0 {
			t.Errorf("%+v: want no place for negative values, have %+v", c, a)
		}
	}
}

func TestRoundStep(t *testing.T) {
	for x, want := range map[float64]float64{1: 1, 1.01: 2, 2: 2, 2.01: 5, 5: 5, 5.01: 10, 0.03: 0.05, 300: 500,
		0.3 / 3: 0.1} {
		if have := roundStep(x); math.Abs(have-want) > 1e-12*want { // rounding of powers of ten
			t.Errorf("%v: want %v, have %v", x, want, have)
		}
	}
}

// Up to three powers of ten have 2 and 5 between them.
func TestLogTicks(t *testing.T) {
	for high, want := range map[float64][]float64{40: {1, 2, 5, 10, 20}, 1000: {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000},
		10000: {1, 10, 100, 1000, 10000}} {
		have := axis{low: 1, high: high, log: true}.ticks(4)
		same := len(have) == len(want)
		for i := 0; same && i < len(want); i++ { // rounding of powers of ten
			same = math.Abs(have[i]-want[i]) <= 1e-12*want[i]
		}
		if !same {
			t.Errorf("1 to %v: want %v, have %v", high, want, have)
		}
	}
}

func TestTickText(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 0.5: "0.5", 9999: "9999", 10000: "10k", -20000: "-20k", 250000: "250k",
		1e6: "1M", 2.5e9: "2.5G", 3e12: "3T", 1e15: "1e+15", 2e-5: "2e-5", 1e-12: "1e-12"} {
		if have := tickText(x); have != want {
			t.Errorf("%v: want %s, have %s", x, want, have)
		}
	}
}
