package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vulora/vulora/lora"
)

// fall is a loss that falls from 8 to 0.01 with noise that is the same in each run.
func fall(step, steps int) float64 {
	noise := 1 + 0.25*math.Sin(float64(step)*12.9898)*math.Cos(float64(step)*78.233)
	return (0.01 + 8*math.Exp(-7*float64(step)/float64(steps))) * noise
}

// draw tells a plot of a run and returns what it draws.
func draw(t testing.TB, steps, done int, skip func(step int) bool) string {
	h := newHistory(Run{Plan: lora.Plan{Steps: steps}}, maxPoints)
	total := 0
	for step := 1; step <= done; step++ {
		p := lora.Progress{Step: step, Steps: steps, Loss: fall(step, steps), GradNorm: 0.3 + fall(step, steps)/10,
			LearningRate: 2e-4 * float64(steps-step+1) / float64(steps)}
		if skip(step) {
			total++
			p.Loss, p.GradNorm = math.NaN(), math.Inf(1)
			h.skip(lora.Skip{Progress: p, Total: total})
		} else {
			h.step(p)
		}
		if every := max(1, steps/10); step%every == 0 {
			loss := 0.05 + math.Abs(fall(step, steps)*1.1-0.02)
			h.evaluation(lora.Evaluated{Step: step, EvalLoss: loss, Lowest: &lora.Best{Step: step, EvalLoss: loss}})
		}
	}
	var b strings.Builder
	if err := drawPlot(&b, "Qwen2.5-0.5B <on> rows & more", steps, h); err != nil {
		t.Fatal(err)
	}
	if name := os.Getenv("VULORA_PLOTS"); name != "" { // to look at
		if err := os.WriteFile(filepath.Join(name, fmt.Sprintf("plot-%d-%d.svg", steps, done)), []byte(b.String()),
			0o666); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestPlotOfAnyLength(t *testing.T) {
	never := func(int) bool { return false }
	for _, c := range []struct {
		steps, done int
		skip        func(int) bool
		want        []string
		not         string
	}{
		{1, 0, never, []string{"none yet"}, ">loss 0"},
		{1, 1, never, []string{"loss 0.01", "learning rate 0.0002", "gradient norm 0.3", "at step 1"}, "skipped"},
		{3, 3, func(int) bool { return true }, []string{"none yet", "skipped: 3", "learning rate 6.67e-5"}, ">loss 0"},
		{70, 70, func(s int) bool { return s%30 == 0 }, []string{"skipped: 2", "best 0.05"}, "none yet"},
		{100000, 30000, never, []string{">100k<", "fill-opacity"}, "skipped"},
		{100000, 100000, never, []string{">100k<", "fill-opacity"}, "skipped"},
	} {
		text := draw(t, c.steps, c.done, c.skip)
		for d := xml.NewDecoder(strings.NewReader(text)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%d of %d steps: not XML: %v", c.done, c.steps, err)
			}
		}
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%d of %d steps: want %q in %.3000s", c.done, c.steps, want, text)
			}
		}
		if strings.Contains(text, c.not) || strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
			t.Errorf("%d of %d steps: want no %q, NaN or Inf in %.3000s", c.done, c.steps, c.not, text)
		}
		if len(text) > 200_000 { // five lines and a band of maxPoints points, each of up to 14 bytes
			t.Errorf("%d of %d steps: %d bytes", c.done, c.steps, len(text))
		}
	}
}

// A series keeps the extremes and the mean of all values, however many there are.
func TestSeriesIsBounded(t *testing.T) {
	for _, n := range []int{1, maxPoints, maxPoints + 1, 100_000} {
		var s series
		for step := 1; step <= n; step++ {
			s.add(step, float64(step%7))
		}
		s.add(n+1, math.NaN())
		s.add(n+2, 1000)
		count, sum, most := 0, 0.0, 0.0
		for i, p := range s.points {
			count, sum, most = count+p.n, sum+p.sum, max(most, p.max)
			if i > 0 && p.first <= s.points[i-1].last {
				t.Fatalf("%d steps: point %d begins at step %d", n, i, p.first)
			}
		}
		want := 1000.0
		for step := 1; step <= n; step++ {
			want += float64(step % 7)
		}
		if len(s.points) > maxPoints || count != n+1 || sum != want || most != 1000 {
			t.Errorf("%d steps: %d points of %d values, sum %v of %v, greatest %v", n, len(s.points), count, sum, want, most)
		}
	}
}

// Smoothing keeps a constant and does not trail behind a slope.
func TestSmoothing(t *testing.T) {
	var constant, slope series
	for step := 1; step <= 600; step++ {
		constant.add(step, 3)
		slope.add(step, float64(step))
	}
	// Weights are normalised, and symmetric away from the ends: only rounding is left, of about 60 terms.
	if y := constant.smoothed()[300]; math.Abs(y-3) > 1e-12 {
		t.Errorf("want 3, have %v", y)
	}
	if y := slope.smoothed()[300]; math.Abs(y-301) > 301e-12 {
		t.Errorf("want 301, have %v", y)
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		a    axis
		want []float64
	}{
		{newAxis(0, 1, 0, 100, false), []float64{0, 0.5, 1}},
		{newAxis(5, 5, 0, 100, true), []float64{4.5, 5, 5.5}},
		{newAxis(0.01, 8, 0, 100, true), []float64{0.01, 0.1, 1, 10}},
		{newAxis(1e-9, 1e9, 0, 100, true), []float64{1e-8, 1e-4, 1, 1e4, 1e8}},
	} {
		have := c.a.ticks(3)
		same := len(have) == len(c.want)
		for i := range have { // rounding of powers of ten and of multiples
			same = same && math.Abs(have[i]-c.want[i]) <= 1e-12*math.Abs(c.want[i])
		}
		if !same {
			t.Errorf("%+v: want %v, have %v", c.a, c.want, have)
		}
	}
	for _, x := range [][2]float64{{1e16, 1e16 + 2}, {-1e-300, 1e-300}, {-math.MaxFloat64, math.MaxFloat64}} {
		if n := len(newAxis(x[0], x[1], 0, 100, false).ticks(3)); n > 20 {
			t.Errorf("%v: %d ticks", x, n)
		}
	}
}

func BenchmarkPlot(b *testing.B) {
	h := newHistory(Run{Plan: lora.Plan{Steps: 100_000}}, maxPoints)
	step := 0
	b.Run("step", func(b *testing.B) {
		for b.Loop() {
			step++
			h.step(lora.Progress{Step: step, Loss: fall(step, 100_000), GradNorm: 1, LearningRate: 1e-4})
		}
	})
	b.Run("draw", func(b *testing.B) {
		for b.Loop() {
			if err := drawPlot(io.Discard, "", 100_000, h); err != nil {
				b.Fatal(err)
			}
		}
	})
}
