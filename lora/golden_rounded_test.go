package lora

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// TestGoldenTrainRounded follows a trajectory with products of bfloat16, forward and backward.
func TestGoldenTrainRounded(t *testing.T) {
	dir, runs, rows := trajectories(t)
	var want trajectory
	readJSON(t, runs[0], &want)
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadModel(t, d, "model-tiny")
		m.Precision = kernel.RoundBF16
		a := loadAdapter(t, m, filepath.Join(dir, "adapter_init"))
		c := want.config(rows)
		exact := true
		c.Observers = []Observer{{OnStep: func(p Progress) error {
			w := want.Steps[p.Step-1]
			loss, norm := math.Abs(p.Loss-w.Loss), math.Abs(p.GradNorm-w.GradNorm)/w.GradNorm
			exact = exact && norm <= 1e-5
			// Rounding is by 2⁻⁹ of a factor; what it does to the first steps, later ones build on.
			if !(loss <= 5e-3) || !(norm <= 2e-2) {
				t.Errorf("step %d: want loss %v and gradient norm %v, have %v and %v", p.Step, w.Loss, w.GradNorm, p.Loss,
					p.GradNorm)
			}
			return nil
		}}}
		if _, err := Train(context.Background(), m, a, c); err != nil {
			t.Fatal(err)
		}
		if d.Info().BF16 && exact {
			t.Errorf("%s: want products that are rounded", d.Info().Tier)
		}
	})
}
