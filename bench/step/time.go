package step

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/vulora/vulora/qwen2"
)

// Options of Time.
type Options struct {
	Least     time.Duration // steps are timed until they took so long together
	Recompute bool          // in training, activations are computed again instead of kept
}

// mostSteps ends the timing of very short steps.
const mostSteps = 1000

// Time times j on a model that was loaded onto w. The first step, which compiles and touches memory, does not count,
// and at least one other does. When ctx is done Time returns its error.
func Time(ctx context.Context, w *Watched, m *qwen2.Model, j Job, o Options) (Result, error) {
	r := Result{Job: j.Name}
	var err error
	switch {
	case len(j.Rows) > 0:
		err = train(ctx, w, m, j, o, &r)
	case j.Prompt > 0:
		err = read(ctx, w, m, j, o, &r)
	default:
		err = decode(ctx, w, m, j, o, &r)
	}
	return r, errors.Join(err, ctx.Err())
}

// A stopwatch times steps that follow each other.
type stopwatch struct {
	w     *Watched
	o     Options
	all   []time.Duration
	total time.Duration
	heap  uint64 // bytes allocated before the first of all
}

// begin forgets what was done before.
func (s *stopwatch) begin() {
	s.w.take()
	s.heap = allocated()
}

// step counts one step and tells whether there were enough.
func (s *stopwatch) step(t time.Duration) (enough bool) {
	s.all, s.total = append(s.all, t), s.total+t
	return s.total >= s.o.Least || len(s.all) >= mostSteps
}

// end sets what the steps took in r, and returns the sums of what they did. There must have been one.
func (s *stopwatch) end(r *Result) counts {
	c := s.w.take()
	r.take(s.all, c, allocated()-s.heap)
	return c
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// tokens are n random ones.
func tokens(m *qwen2.Model, r *rand.Rand, n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(r.IntN(m.Config.Vocab))
	}
	return ids
}
