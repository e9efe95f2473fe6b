package lora

import (
	"errors"
	"testing"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// unequalRows has rows of 47 down to 16 tokens and batches of up to 182.
func unequalRows() TrainConfig {
	c := TrainConfig{TrainerOptions: TrainerOptions{Optimizer: adamW}, Batches: data.Schedule{BatchSize: 4,
		Accumulation: 4}}
	for i := range 32 {
		e := rows(512)[5]
		e.IDs, e.Labels = append(e.IDs, e.IDs...), append(e.Labels, e.Labels...)
		e.IDs, e.Labels = append(e.IDs, e.IDs...)[:47-i], append(e.Labels, e.Labels...)[:47-i]
		c.Examples = append(c.Examples, e)
	}
	return c
}

// As memory shrinks, first merged passes go back to the size of a batch, then activations are computed twice, then
// batches are cut, and each choice fits and is the first that does. Below the smallest there is an error with it.
func TestFit(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		dry := d.Dry()
		defer dry.Close()
		m, a := modelAndAdapter(t, dry, qwen2.LoadOptions{Outline: true})
		defer m.Close()
		defer a.Close()
		c := unequalRows()
		c.Cut.Merge = true
		o := FitOptions{Recompute: []bool{false, true}, Busy: 400}
		fit := func(memory int64) (Fit, error) {
			o.Memory = memory
			return FitTraining(m, a, c, o)
		}
		f, err := fit(0)
		if err != nil {
			t.Fatal(err)
		}
		var tokens []int
		var twice []bool
		for {
			tokens, twice = append(tokens, f.Cut.Tokens), append(twice, f.Recompute)
			total := f.Memory.Total()
			if same, err := fit(total); err != nil || same.Cut != f.Cut || same.Recompute != f.Recompute {
				t.Fatalf("want %+v in exactly its %d bytes, have %+v, %v", f.Cut, total, same, err)
			}
			next, err := fit(total - 1)
			if errors.Is(err, ErrTooLarge) {
				if next.Memory.Total() != total {
					t.Errorf("want the smallest, %d bytes, with the error, have %d", total, next.Memory.Total())
				}
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if next.Memory.Total() >= total || next.Cut.Tokens < 182 && !next.Recompute || !next.Cut.Merge ||
				next.Preferred.LargestTokens < 300 {
				t.Fatalf("want less than %d bytes, have %+v", total, next)
			}
			f = next
		}
		if n := len(tokens); n < 5 || tokens[0] != 400 || tokens[1] != 182 || twice[0] || twice[1] || !twice[2] ||
			tokens[n-1] != 47 {
			t.Errorf("have passes of %v tokens, computed twice %v", tokens, twice)
		}
		o.Tokens = 100
		if f, err := fit(0); err != nil || f.Cut.Tokens != 100 || f.LargestTokens > 104 {
			t.Errorf("want passes of the 100 tokens that were asked for, have %+v, %v", f, err)
		}
		if f, err := fit(1); !errors.Is(err, ErrTooLarge) || f.Cut.Tokens != 100 {
			t.Errorf("want no other passes than those that were asked for, have %+v, %v", f, err)
		}
		o.Tokens, o.Busy = 0, 100
		if f, err := fit(0); err != nil || f.Cut.Tokens != 182 {
			t.Errorf("want micro-batches that are larger than a device needs as they are, have %+v, %v", f, err)
		}
		c.Cut.Merge = false
		if f, err := fit(0); err != nil || f.Cut.Tokens != 182 || f.Cut.Merge {
			t.Errorf("want micro-batches as they are, have %+v, %v", f, err)
		}
	})
}

// Where batches are cut, it is to the largest passes that fit: each of the sizes that are distinguished is estimated,
// and there is exactly its memory.
func TestFitIsLargest(t *testing.T) {
	dry := devtest.CPU(t).Dry()
	defer dry.Close()
	m, a := modelAndAdapter(t, dry, qwen2.LoadOptions{Outline: true})
	defer m.Close()
	defer a.Close()
	c := unequalRows()
	const row, batch = 47, 182
	var totals []int64
	for i := range cuts + 1 {
		c.Recompute, c.Cut.Tokens = true, row+(batch-row)*i/cuts
		e, err := EstimateTraining(m, a, c)
		if err != nil {
			t.Fatal(err)
		}
		totals = append(totals, e.Memory.Total())
	}
	if totals[0] >= totals[cuts/2] || totals[cuts/2] >= totals[cuts] {
		t.Fatalf("want larger passes to take more memory, have %d", totals)
	}
	for _, most := range totals {
		largest := 0
		for i, n := range totals {
			if n <= most {
				largest = i
			}
		}
		want := row + (batch-row)*largest/cuts
		f, err := FitTraining(m, a, c, FitOptions{Memory: most, Recompute: []bool{true}})
		if err != nil || f.Cut.Tokens != want || !f.Recompute || f.Memory.Total() != totals[largest] {
			t.Errorf("want passes of %d tokens in %d bytes of %d, have %d in %d, %v", want, most, totals, f.Cut.Tokens,
				f.Memory.Total(), err)
		}
	}
}
