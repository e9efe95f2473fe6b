package qwen2

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// TestGoldenRounded computes with products of bfloat16, and wants them to be rounded where the device says that it
// has them, and nowhere else.
func TestGoldenRounded(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		dir := golden("model-tiny")
		var batch struct{ Sequences []sequence }
		readJSON(t, filepath.Join(dir, "batch.json"), &batch)
		want := openGolden(t, filepath.Join(dir, "expected.safetensors"))
		m := loadGolden(t, d, filepath.Join(dir, "model"), batch.Sequences)
		exact := forward(t, m, batch.Sequences)
		m.Precision = kernel.RoundBF16
		for n, got := range forward(t, m, batch.Sequences) {
			logits := got["logits"]
			if same := slices.Equal(logits, exact[n]["logits"]); same == d.Info().BF16 {
				t.Errorf("seq%d: %s: want rounded %v, have equal logits %v", n, d.Info().Tier, d.Info().BF16, same)
			}
			// A factor is off by up to 2⁻⁹, and about thirty products follow on each other.
			distance, size := 0.0, 0.0
			for i, w := range floats(t, want, fmt.Sprintf("seq%d.logits", n)) {
				distance += math.Pow(float64(logits[i]-w), 2)
				size += math.Pow(float64(w), 2)
			}
			if r := math.Sqrt(distance / size); !(r <= 1e-2) {
				t.Errorf("seq%d: want logits within 1e-2 of their size, have %.2g", n, r)
			}
		}
	})
}
