package lora

import (
	"errors"
	"fmt"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
)

// FitOptions say what FitTraining may choose, and what it has to keep to.
type FitOptions struct {
	Memory    int64  // bytes that may be planned; 0 means no limit
	Recompute []bool // the values of TrainerOptions.Recompute that are allowed, the preferred first
	Tokens    int    // of a pass; 0 lets FitTraining choose
	Busy      int    // with passes that are merged: tokens that a device needs at once to be busy
}

// A Fit is how a run is computed within a memory.
type Fit struct {
	Recompute bool
	Cut       data.Cut
	Estimate
	// Preferred is what the first choice would take: activations kept and passes of as many tokens as were wished for.
	Preferred Estimate
}

// ErrTooLarge says that nothing that FitTraining may choose fits; the Fit returned with it is the smallest.
var ErrTooLarge = errors.New("want more memory than there is")

// FitTraining chooses how the run c is computed: c.Recompute and c.Cut, but for c.Cut.Merge, which it keeps. It prefers
// large passes to small ones and activations kept to activations computed twice, in this order:
//
//   - passes of o.Busy tokens, or of the largest micro-batch if that is more, then of the largest micro-batch;
//   - the same for the next value of o.Recompute;
//   - with the last value, the largest passes that fit, down to that of the longest row.
//
// The gradients are the same in all cases, for Recompute to the last bit. The model may be an outline on a dry device.
func FitTraining(m *qwen2.Model, a *Adapter, c TrainConfig, o FitOptions) (Fit, error) {
	plan, err := data.NewPlan(len(c.Examples), c.Batches)
	if err != nil {
		return Fit{}, err
	}
	s := fitting{m: m, a: a, c: c, most: o.Memory}
	longest, largest := c.largest(plan)
	wishes := []int{largest}
	switch {
	case o.Tokens > 0:
		wishes = []int{o.Tokens}
	case c.Cut.Merge && o.Busy > largest:
		wishes = []int{o.Busy, largest}
	}
	for _, twice := range o.Recompute {
		for _, tokens := range wishes {
			if ok, err := s.try(twice, tokens); ok || err != nil {
				return s.fit, err
			}
		}
	}
	if o.Tokens > 0 || largest <= longest {
		return s.fit, s.tooLarge()
	}
	return s.smaller(o.Recompute[len(o.Recompute)-1], longest, largest)
}

// fitting is one search of FitTraining.
type fitting struct {
	m    *qwen2.Model
	a    *Adapter
	c    TrainConfig
	most int64

	fit   Fit // the last that was tried
	tried bool
}

// try estimates a choice and says whether it fits.
func (s *fitting) try(twice bool, tokens int) (bool, error) {
	s.c.Recompute, s.c.Cut.Tokens = twice, tokens
	e, err := EstimateTraining(s.m, s.a, s.c)
	if err != nil {
		return false, err
	}
	if !s.tried {
		s.fit.Preferred, s.tried = e, true
	}
	s.fit.Recompute, s.fit.Cut, s.fit.Estimate = twice, s.c.Cut, e
	return s.most <= 0 || e.Memory.Total() <= s.most, nil
}

// cuts is how many sizes of passes between the longest row and the largest micro-batch are distinguished.
const cuts = 16

// smaller finds the largest passes that fit, of those smaller than a micro-batch.
func (s *fitting) smaller(twice bool, longest, largest int) (Fit, error) {
	tokens := func(i int) int { return longest + (largest-longest)*i/cuts }
	if ok, err := s.try(twice, tokens(0)); err != nil || !ok {
		return s.fit, errors.Join(err, s.tooLarge())
	}
	fits, best := 0, s.fit
	for not := cuts; not-fits > 1; {
		i := (fits + not) / 2
		ok, err := s.try(twice, tokens(i))
		switch {
		case err != nil:
			return s.fit, err
		case ok:
			fits, best = i, s.fit
		default:
			not = i
		}
	}
	return best, nil
}

func (s *fitting) tooLarge() error {
	return fmt.Errorf("lora: %w: at least %d bytes, of %d", ErrTooLarge, s.fit.Memory.Total(), s.most)
}

// largest returns the tokens of the longest row and of the largest micro-batch.
func (c *TrainConfig) largest(plan *data.Plan) (row, batch int) {
	whole := *c
	whole.Cut = data.Cut{}
	for b := range whole.allPasses(plan) {
		n := 0
		for _, e := range b {
			row = max(row, len(e.IDs))
			n += len(e.IDs)
		}
		batch = max(batch, n)
	}
	return row, batch
}
