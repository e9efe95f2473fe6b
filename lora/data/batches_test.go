package data

import (
	"math"
	"slices"
	"testing"
)

func TestPlanCounts(t *testing.T) {
	for _, c := range []struct {
		rows  int
		s     Schedule
		steps int
	}{
		{100, Schedule{BatchSize: 2, Accumulation: 4, Epochs: 1}, 13},
		{54, Schedule{BatchSize: 2, Accumulation: 4, Epochs: 10}, 70},
		{54, Schedule{BatchSize: 2, Accumulation: 4, Epochs: 0.5}, 4},
		{54, Schedule{BatchSize: 2, Accumulation: 4, Epochs: 10, MaxSteps: 9}, 9},
		{1, Schedule{}, 1},
		{3, Schedule{BatchSize: math.MaxInt, Accumulation: math.MaxInt, Epochs: 2}, 2},
	} {
		p, err := NewPlan(c.rows, c.s)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for step := range p.From(0) {
			if step.Index != n {
				t.Errorf("%d rows %+v: want step %d, have %d", c.rows, c.s, n, step.Index)
			}
			n++
		}
		if n != c.steps || p.Steps() != c.steps {
			t.Errorf("%d rows %+v: want %d steps, have %d planned, %d given", c.rows, c.s, c.steps, p.Steps(), n)
		}
	}
}

// TestPlanEpochs finds every row once in each epoch, shuffled or not, and the same steps after a resumption.
func TestPlanEpochs(t *testing.T) {
	for _, shuffle := range []bool{false, true} {
		p, err := NewPlan(23, Schedule{BatchSize: 3, Accumulation: 2, Epochs: 3, Seed: 5, Shuffle: shuffle})
		if err != nil {
			t.Fatal(err)
		}
		seen := make([][]int, p.Epochs())
		var all []Step
		for step := range p.From(0) {
			all = append(all, step)
			for _, rows := range step.MicroBatches {
				seen[step.Epoch] = append(seen[step.Epoch], rows...)
			}
		}
		for epoch, rows := range seen {
			sorted := slices.Sorted(slices.Values(rows))
			for i, row := range sorted {
				if i != row || len(rows) != 23 {
					t.Fatalf("epoch %d does not have every row once: %v", epoch, rows)
				}
			}
			if slices.IsSorted(rows) == shuffle {
				t.Errorf("shuffle %v: epoch %d is %v", shuffle, epoch, rows)
			}
		}
		for step := range p.From(5) {
			want := all[step.Index]
			if !slices.EqualFunc(step.MicroBatches, want.MicroBatches, slices.Equal[[]int]) {
				t.Errorf("resumed step %d: want %v, have %v", step.Index, want.MicroBatches, step.MicroBatches)
			}
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	for _, c := range []struct {
		rows int
		s    Schedule
	}{
		{0, Schedule{}}, {1, Schedule{BatchSize: -1}}, {1, Schedule{Accumulation: -1}}, {1, Schedule{Epochs: -1}},
		{1, Schedule{Epochs: math.NaN()}}, {1, Schedule{Epochs: math.Inf(1)}}, {1, Schedule{MaxSteps: -1}},
		{10, Schedule{Epochs: 1e300}},
	} {
		if p, err := NewPlan(c.rows, c.s); err == nil {
			t.Errorf("%d rows %+v: want an error, have %d steps", c.rows, c.s, p.Steps())
		}
	}
}

func TestPermutationOfFew(t *testing.T) {
	for n := -1; n < 3; n++ {
		if have := Permutation(n, 42); len(have) != max(0, n) {
			t.Errorf("n %d: have %v", n, have)
		}
	}
}
