package report

import (
	"cmp"
	"math"
)

// The points of a series at most: about as many as a chart has columns, and fewer on a page that is drawn each second.
const (
	maxPoints     = 1000
	maxLivePoints = 400
)

// A series is a figure over the steps in bounded memory. A point stands for the steps of one interval of stride steps;
// when there are too many points the stride doubles. Adding takes constant time, on average.
type series struct {
	most   int // points; 0 means maxPoints
	stride int
	points []point
}

// A point sums up the values of an interval.
type point struct {
	first, last int // steps that have a value
	n           int // values
	min, max    float64
	sum, latest float64
}

func (p *point) mean() float64 { return p.sum / float64(p.n) }

// middle is the step that the point is drawn at.
func (p *point) middle() float64 { return float64(p.first+p.last) / 2 }

func (p *point) merge(q point) {
	p.last, p.n, p.latest = q.last, p.n+q.n, q.latest
	p.min, p.max, p.sum = min(p.min, q.min), max(p.max, q.max), p.sum+q.sum
}

// add takes a value after a step no earlier than the last one's. What is not finite is left out.
func (s *series) add(step int, x float64) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return
	}
	s.stride, s.most = max(1, s.stride), cmp.Or(s.most, maxPoints)
	s.put(point{first: step, last: step, n: 1, min: x, max: x, sum: x, latest: x})
	for len(s.points) > s.most {
		s.stride *= 2
		all := s.points
		s.points = all[:0]
		for _, p := range all {
			s.put(p)
		}
	}
}

func (s *series) put(p point) {
	if n := len(s.points); n > 0 && s.points[n-1].first/s.stride == p.first/s.stride {
		s.points[n-1].merge(p)
		return
	}
	s.points = append(s.points, p)
}

// smoothed returns the points' means under a Gaussian with a deviation of a sixtieth of the steps, which weighs each
// point by the values in it. It looks ahead as well as back, so it does not trail behind a falling loss.
func (s *series) smoothed() []float64 {
	all := s.points
	y := make([]float64, len(all))
	if len(all) == 0 {
		return y
	}
	deviation := max(0.3, float64(all[len(all)-1].last-all[0].first)/60)
	from := 0
	for i := range all {
		x := all[i].middle()
		for all[from].middle() < x-3*deviation {
			from++
		}
		var sum, weights float64
		for j := from; j < len(all) && all[j].middle() <= x+3*deviation; j++ {
			d := (all[j].middle() - x) / deviation
			w := math.Exp(-d*d/2) * float64(all[j].n)
			sum, weights = sum+w*all[j].mean(), weights+w
		}
		y[i] = sum / weights
	}
	return y
}
