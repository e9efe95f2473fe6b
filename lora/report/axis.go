package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// An axis maps values to places between from and to, linearly or by their logarithm.
type axis struct {
	low, high float64 // values
	from, to  float64 // places
	log       bool
}

// logRatio is from where on a chart is logarithmic: below it, half of a linear axis still shows a factor of ten.
const logRatio = 20

// newAxis covers the values between low and high, with a little room around them.
func newAxis(low, high, from, to float64, mayLog bool) axis {
	a := axis{low: low, high: high, from: from, to: to, log: mayLog && low > 0 && high/low > logRatio}
	switch {
	case a.log:
		room := math.Pow(high/low, 0.05)
		a.low, a.high = low/room, high*room
	case high > low:
		room := (high - low) * 0.06
		a.low, a.high = low-room, high+room
		if low >= 0 { // a loss is never negative
			a.low = max(0, a.low)
		}
	default: // one value
		room := max(math.Abs(low)*0.1, 1e-12)
		a.low, a.high = low-room, high+room
	}
	return a
}

func (a axis) at(x float64) float64 {
	share := (x - a.low) / (a.high - a.low)
	if a.log {
		share = math.Log(x/a.low) / math.Log(a.high/a.low)
	}
	return a.from + (a.to-a.from)*share
}

// ticks are about n round values on the axis.
func (a axis) ticks(n int) []float64 {
	if a.log {
		return a.logTicks(n)
	}
	step := roundStep((a.high - a.low) / float64(n))
	var all []float64
	for i := math.Ceil(a.low / step); i*step <= a.high; i++ {
		if len(all) > 0 && i*step == all[len(all)-1] { // the step is below what float64 tells apart
			break
		}
		all = append(all, i*step)
	}
	return all
}

func (a axis) logTicks(n int) (all []float64) {
	first, last := math.Floor(math.Log10(a.low)), math.Ceil(math.Log10(a.high))
	digits := []float64{1, 2, 5}
	if last-first > 3 {
		digits = digits[:1]
	}
	every := math.Ceil((last - first) / float64(2*n))
	for e := every * math.Ceil(first/every); e <= last; e += every {
		for _, d := range digits {
			if x := d * math.Pow(10, e); x >= a.low && x <= a.high {
				all = append(all, x)
			}
		}
	}
	return all
}

// roundStep is the least of 1, 2 and 5 times a power of ten that is at least x.
func roundStep(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, d := range []float64{1, 2, 5} {
		if d*power >= x*(1-1e-9) {
			return d * power
		}
	}
	return 10 * power
}

// tickText writes a round value, a large one with a prefix.
func tickText(x float64) string {
	if a := math.Abs(x); a >= 1e4 && a < 1e15 {
		for _, p := range []struct {
			unit float64
			name string
		}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
			if a >= p.unit {
				return strconv.FormatFloat(x/p.unit, 'g', 4, 64) + p.name
			}
		}
	}
	return shortNumber(x, 4)
}

// shortNumber writes a value with some significant digits: 0.0123, 2e-5.
func shortNumber(x float64, digits int) string {
	s := fmt.Sprintf("%.*g", digits, x)
	return strings.Replace(s, "e-0", "e-", 1)
}
