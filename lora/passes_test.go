package lora

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// A run is the same however the rows of its steps are cut into passes, with dropout and noise: losses, gradient
// norms and the adapter differ by no more than the order of float32 sums makes them. The rows of the sums that a
// cut reorders are some 100 with relative errors of 2⁻²⁴ each, which leaves about 1e-6 of a loss and of a norm.
// AdamW divides a gradient by its own size: elements whose gradients are about zero move by up to the learning rate
// either way, so the adapter is held to 1e-3 of how far all of a tensor moved, and a bias of keys, which hardly
// changes what attention compares and so has a gradient of little but rounding, to 5e-2.
func TestCutsAreEqual(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadModel(t, d, "model-tiny")
		type run struct {
			steps  []Progress
			values map[string][]float32
		}
		do := func(cut data.Cut, items data.ItemRule) (r run) {
			a := newAdapterFor(t, m, 0.1)
			c := resumable(m, "")
			c.Batches.Accumulation, c.Cut, c.Items, c.NEFTuneAlpha = 3, cut, items, 5
			c.Observers = []Observer{{OnStep: func(p Progress) error { r.steps = append(r.steps, p); return nil }}}
			if _, err := Train(context.Background(), m, a, c); err != nil {
				t.Fatal(err)
			}
			r.values = values(t, a)
			return r
		}
		initial := values(t, newAdapterFor(t, m, 0.1))
		for _, items := range []data.ItemRule{data.ItemsHF, data.ItemsLegacy} {
			want := do(data.Cut{}, items)
			for _, cut := range []data.Cut{{Merge: true}, {Tokens: 1}, {Tokens: 24, Merge: true}, {Tokens: 30}} {
				have := do(cut, items)
				if len(have.steps) != len(want.steps) {
					t.Fatalf("%+v: want %d steps, have %d", cut, len(want.steps), len(have.steps))
				}
				for i, w := range want.steps {
					h := have.steps[i]
					if !(math.Abs(h.Loss-w.Loss) <= 1e-5*w.Loss) || !(math.Abs(h.GradNorm-w.GradNorm) <= 1e-4*w.GradNorm) ||
						h.Tokens != w.Tokens {
						t.Errorf("%+v: step %d: want %v, %v, %d, have %v, %v, %d", cut, w.Step, w.Loss, w.GradNorm, w.Tokens, h.Loss,
							h.GradNorm, h.Tokens)
					}
				}
				for key, x := range want.values {
					most := 1e-3
					if strings.Contains(key, "k_proj.base_layer.bias") {
						most = 5e-2
					}
					if far := relative(have.values[key], x, initial[key]); !(far <= most) {
						t.Errorf("%+v: %s: relative distance %.3g", cut, key, far)
					}
				}
			}
		}
	})
}

// What a row's tokens are changes nothing in another row of its pass, bit for bit: not its loss and not its gradients.
func TestRowsAreIsolated(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadModel(t, d, "model-tiny")
		a := newAdapterFor(t, m, 0.1)
		r := rows(m.Config.Vocab)
		masked := func(e data.Example, seed int) data.Example {
			var x data.Example
			for i := range e.IDs {
				x.IDs = append(x.IDs, int32((e.IDs[i]+int32(seed))%int32(m.Config.Vocab)))
				x.Labels = append(x.Labels, data.Ignore)
			}
			return x
		}
		want, loss := gradients(t, m, a, []data.Example{masked(r[3], 0), r[2], masked(r[4], 0)}, 10, false)
		have, again := gradients(t, m, a, []data.Example{masked(r[3], 1), r[2], masked(r[4], 5)}, 10, false)
		if loss != again {
			t.Errorf("want the loss %v whatever the rows beside are, have %v", loss, again)
		}
		for key, x := range want {
			if !sameBits(x, have[key]) {
				t.Errorf("%s: want the same gradient whatever the rows beside are, have another", key)
			}
		}
	})
}
