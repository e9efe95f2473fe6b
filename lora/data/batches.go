package data

import (
	"fmt"
	"iter"
	"math"
)

// Schedule says how rows are grouped into optimizer steps. Zero values stand for 1, but for MaxSteps (no limit) and
// Shuffle (rows in their own order).
type Schedule struct {
	BatchSize    int     // rows in a micro-batch
	Accumulation int     // micro-batches in an optimizer step
	Epochs       float64 // passes over the rows, fractions allowed
	MaxSteps     int     // optimizer steps; wins over Epochs where positive
	Seed         int64   // data_seed, or else the run's seed
	Shuffle      bool
}

// Step is one optimizer step.
type Step struct {
	Index        int     // from 0
	Epoch        int     // from 0
	Progress     float64 // epochs done after this step, as transformers logs "epoch"
	MicroBatches [][]int // row numbers
}

// Plan is the sequence of optimizer steps of a run over a number of rows, as transformers' Trainer goes through it:
// every epoch has floor(b/a) + (b%a > 0) steps for b micro-batches and an accumulation of a, so the last, short group
// is a full step; a run has ceil(epochs · that) steps and may stop inside an epoch. A Plan is never changed.
type Plan struct {
	rows     int
	schedule Schedule
	batches  int // micro-batches in an epoch
	perEpoch int // optimizer steps in an epoch
	steps    int
}

// NewPlan plans a run over rows. No rows, negative settings and more than 2³¹−1 steps are errors.
func NewPlan(rows int, s Schedule) (*Plan, error) {
	s.BatchSize, s.Accumulation = orOne(s.BatchSize), orOne(s.Accumulation)
	if s.Epochs == 0 {
		s.Epochs = 1
	}
	switch {
	case rows < 1:
		return nil, fmt.Errorf("data: plan: want at least one row, have %d", rows)
	case s.BatchSize < 1 || s.Accumulation < 1:
		return nil, fmt.Errorf("data: plan: want a batch size and accumulation of at least 1, have %d and %d",
			s.BatchSize, s.Accumulation)
	case !(s.Epochs > 0) || s.MaxSteps < 0:
		return nil, fmt.Errorf("data: plan: want epochs above 0 and steps of at least 0, have %v and %d",
			s.Epochs, s.MaxSteps)
	}
	p := &Plan{rows: rows, schedule: s}
	p.batches = ceilDiv(rows, s.BatchSize)
	p.perEpoch = ceilDiv(p.batches, s.Accumulation)
	steps := math.Ceil(s.Epochs * float64(p.perEpoch))
	if s.MaxSteps > 0 {
		steps = float64(s.MaxSteps)
	}
	if steps > math.MaxInt32 {
		return nil, fmt.Errorf("data: plan: want at most %d steps, have %.0f", math.MaxInt32, steps)
	}
	p.steps = int(steps)
	return p, nil
}

func orOne(n int) int {
	if n == 0 {
		return 1
	}
	return n
}

func ceilDiv(a, b int) int { return (a-1)/b + 1 }

// Steps is the number of optimizer steps of the run.
func (p *Plan) Steps() int { return p.steps }

// StepsPerEpoch is the number of optimizer steps of a whole epoch.
func (p *Plan) StepsPerEpoch() int { return p.perEpoch }

// Epochs is the number of epochs begun.
func (p *Plan) Epochs() int { return ceilDiv(p.steps, p.perEpoch) }

// From yields the steps from the one numbered first (from 0) to the end: 0 is the whole run, and the number of steps
// done is how a run goes on from a checkpoint.
func (p *Plan) From(first int) iter.Seq[Step] {
	return func(yield func(Step) bool) {
		var order []int
		at := -1
		for i := max(0, first); i < p.steps; i++ {
			if epoch := i / p.perEpoch; epoch != at {
				order, at = p.order(epoch), epoch
			}
			if !yield(p.step(i, order)) {
				return
			}
		}
	}
}

func (p *Plan) order(epoch int) []int {
	if p.schedule.Shuffle {
		return Permutation(p.rows, p.schedule.Seed+int64(epoch))
	}
	order := make([]int, p.rows)
	for i := range order {
		order[i] = i
	}
	return order
}

func (p *Plan) step(i int, order []int) Step {
	s := Step{Index: i, Epoch: i / p.perEpoch}
	// Differences instead of sums: a batch size near the largest int must not overflow.
	first := i % p.perEpoch * p.schedule.Accumulation
	for b := first; b < p.batches && b-first < p.schedule.Accumulation; b++ {
		rows := order[b*p.schedule.BatchSize:]
		s.MicroBatches = append(s.MicroBatches, rows[:min(len(rows), p.schedule.BatchSize):len(rows)])
	}
	done := first + len(s.MicroBatches)
	s.Progress = float64(s.Epoch) + float64(done)/float64(p.batches)
	return s
}

// ItemRule says which labels num_items counts, the number by which the summed loss of a step is divided.
type ItemRule string

// The rules of transformers: hf counts labels[1:] ≠ −100, the ones that are predicted; hf-legacy, the rule until the
// middle of 2026, counts the first label of a row too. The zero value is hf.
const (
	ItemsHF     ItemRule = "hf"
	ItemsLegacy ItemRule = "hf-legacy"
)

// NumItems counts the supervised labels of all micro-batches of a step. A row number outside examples is not counted.
// It is 0 where truncation has left every row of the step without a supervised label; there is no loss then.
func NumItems(s Step, examples []Example, rule ItemRule) int {
	n := 0
	for _, rows := range s.MicroBatches {
		for _, row := range rows {
			if row < 0 || row >= len(examples) {
				continue
			}
			labels := examples[row].Labels
			if rule != ItemsLegacy && len(labels) > 0 {
				labels = labels[1:]
			}
			n += supervised(labels)
		}
	}
	return n
}

func supervised(labels []int32) int {
	n := 0
	for _, label := range labels {
		if label != Ignore {
			n++
		}
	}
	return n
}
