package lora

import (
	"iter"

	"github.com/vulora/vulora/lora/data"
)

// passes returns the rows of a step as they are computed, those of a pass together.
func (c *TrainConfig) passes(s data.Step) [][]data.Example {
	cut := c.Cut.Passes(s, c.length)
	all := make([][]data.Example, len(cut))
	for i, rows := range cut {
		all[i] = c.pick(nil, rows)
	}
	return all
}

// mostLooked bounds the rows that allPasses goes through.
const mostLooked = 1 << 24

// allPasses yields the passes of a run, or of its first epochs where it is very long, so that the largest is known. If
// a later one is larger still, memory grows once more. What it yields is good until the next.
func (c *TrainConfig) allPasses(plan *data.Plan) iter.Seq[[]data.Example] {
	return func(yield func([]data.Example) bool) {
		var pass []data.Example
		looked := 0
		for s := range plan.From(0) {
			for _, rows := range c.Cut.Passes(s, c.length) {
				pass = c.pick(pass[:0], rows)
				looked += len(rows)
				if looked > mostLooked && s.Index >= 4*plan.StepsPerEpoch() || !yield(pass) {
					return
				}
			}
		}
	}
}

func (c *TrainConfig) length(row int) int { return len(c.Examples[row].IDs) }

// pick appends rows to batch.
func (c *TrainConfig) pick(batch []data.Example, rows []int) []data.Example {
	for _, r := range rows {
		batch = append(batch, c.Examples[r])
	}
	return batch
}
