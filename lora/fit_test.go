package lora

import (
	"errors"
	"testing"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// As memory shrinks, first merged passes go back to the size of a batch, then activations are computed twice, then
// batches are cut, and each choice fits and is the first that does. Below the smallest there is an error with it.
func TestFit(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		dry := d.Dry()
		defer dry.Close()
		m, a := modelAndAdapter(t, dry, qwen2.LoadOptions{Outline: true})
		defer m.Close()
		defer a.Close()
		c := TrainConfig{TrainerOptions: TrainerOptions{Optimizer: adamW}, Batches: data.Schedule{BatchSize: 4,
			Accumulation: 4}}
		for i := range 32 { // rows of 16 to 47 tokens, batches of up to 182, steps of 504
			e := rows(512)[5]
			e.IDs, e.Labels = append(e.IDs, e.IDs...), append(e.Labels, e.Labels...)
			e.IDs, e.Labels = append(e.IDs, e.IDs...)[:16+i], append(e.Labels, e.Labels...)[:16+i]
			c.Examples = append(c.Examples, e)
		}
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
			if next.Memory.Total() >= total || !next.Cut.Merge || next.Preferred.LargestTokens < 300 {
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
		o.Tokens, c.Cut.Merge = 0, false
		if f, err := fit(0); err != nil || f.Cut.Tokens != 182 || f.Cut.Merge {
			t.Errorf("want micro-batches as they are, have %+v, %v", f, err)
		}
	})
}
