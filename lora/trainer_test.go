package lora

import (
	"errors"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// rows are short sequences of different lengths, all tokens supervised.
func rows(vocab int) []data.Example {
	var all []data.Example
	for n := range 6 {
		e := data.Example{Line: n}
		for i := range 5 + 3*n {
			id := int32((17*i + 29*n) % vocab)
			e.IDs, e.Labels = append(e.IDs, id), append(e.Labels, id)
		}
		all = append(all, e)
	}
	return all
}

func newAdapterFor(t *testing.T, m *qwen2.Model, dropout float64) *Adapter {
	t.Helper()
	c := peft.Default()
	c.LoraDropout, c.Targets = peft.Float(dropout), peft.Modules{Pattern: peft.AllLinear}
	c.Bias = peft.BiasAll
	a, err := NewAdapter(m, c, 7)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

var adamW = Optimizer{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, MaxGradNorm: 1, WeightDecay: 0.01}

// steps runs n steps of two micro-batches each and returns the adapter. fresh records every program anew before each
// step.
func steps(t *testing.T, m *qwen2.Model, n int, fresh, recompute bool) map[string][]float32 {
	t.Helper()
	a, r := newAdapterFor(t, m, 0.1), rows(m.Config.Vocab)
	batches := [][]data.Example{r[:2], r[2:5]}
	tr, err := newTrainer(m, a, TrainerOptions{Optimizer: adamW, Seed: 3, Recompute: recompute}, slices.Values(batches))
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	for i := range n {
		if fresh {
			if err := errors.Join(tr.micro.Close(), tr.update.Close()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := tr.Step(batches, 30, 1e-3/float64(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	return values(t, a)
}

// A replayed program does what one recorded anew for the step would do, bit for bit, and recomputation changes nothing;
// dropout, whose masks differ from step to step, included.
func TestReplayEqualsRecordingAnew(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadModel(t, d, "model-tiny")
		want := steps(t, m, 4, true, false)
		for name, got := range map[string]map[string][]float32{"replayed": steps(t, m, 4, false, false),
			"recomputed": steps(t, m, 4, false, true)} {
			for key, x := range want {
				if !slices.Equal(x, got[key]) {
					t.Errorf("%s: %s differs", name, key)
				}
			}
		}
	})
}

// A step allocates next to nothing on the Go heap once its programs are made.
func TestStepDoesNotAllocate(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadModel(t, d, "model-tiny")
		a, r := newAdapterFor(t, m, 0), rows(m.Config.Vocab)
		batches := [][]data.Example{r[:2], r[2:5]}
		tr, err := newTrainer(m, a, TrainerOptions{Optimizer: adamW}, slices.Values(batches))
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		step := func() {
			if _, err := tr.Step(batches, 30, 1e-3); err != nil {
				t.Fatal(err)
			}
		}
		step()
		const n = 10
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range n {
			step()
		}
		runtime.ReadMemStats(&after)
		if per := (after.TotalAlloc - before.TotalAlloc) / n; per > 800 {
			t.Errorf("a step allocates %d bytes, want at most 800", per)
		}
	})
}

// The loss of sequences packed in one row is that of each on its own, and so are the gradients.
func TestPackingEqualsSingleRows(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadModel(t, d, "model-tiny")
		a, r := loadAdapter(t, m, filepath.Join(golden("train-trajectory"), "adapter_init")), rows(m.Config.Vocab)
		packed, loss := gradients(t, m, a, r, 10, false)
		sum, sumLoss := map[string][]float32{}, 0.0
		for _, e := range r {
			g, l := gradients(t, m, a, []data.Example{e}, 10, false)
			sumLoss += l
			for key, x := range g {
				if sum[key] == nil {
					sum[key] = make([]float32, len(x))
				}
				for i, v := range x {
					sum[key][i] += v
				}
			}
		}
		if !(math.Abs(loss-sumLoss) <= 1e-5*math.Abs(loss)) {
			t.Errorf("packed loss %v, sum of single losses %v", loss, sumLoss)
		}
		for key, x := range packed {
			if rel := relative(x, sum[key], nil); !(rel <= 1e-5) {
				t.Errorf("%s: relative distance %.3g", key, rel)
			}
		}
	})
}

// A batch larger than the trainer was told of makes it grow.
func TestTrainerGrows(t *testing.T) {
	d := devtest.CPU(t)
	m := loadModel(t, d, "model-tiny")
	a, r := newAdapterFor(t, m, 0), rows(m.Config.Vocab)
	tr, err := newTrainer(m, a, TrainerOptions{Optimizer: adamW}, slices.Values([][]data.Example{r[:1]}))
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	for _, b := range [][][]data.Example{{r[:1]}, {r}, {r[:1], r[1:3]}} {
		if _, err := tr.Step(b, 10, 1e-3); err != nil {
			t.Fatal(err)
		}
	}
}

// A step whose gradients are not finite changes nothing, on any device.
func TestNotFiniteChangesNothing(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadModel(t, d, "model-tiny")
		a, r := newAdapterFor(t, m, 0), rows(m.Config.Vocab)
		tr, err := newTrainer(m, a, TrainerOptions{Optimizer: adamW}, slices.Values([][]data.Example{r}))
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		if _, err := tr.Step([][]data.Example{r}, 10, 1e-3); err != nil {
			t.Fatal(err)
		}
		x := make([]float32, a.params[1].Len())
		x[0] = float32(math.NaN())
		if err := a.params[1].WriteFloats(x); err != nil {
			t.Fatal(err)
		}
		type snapshot struct{ p, m, v map[string][]float32 }
		take := func() snapshot {
			return snapshot{values(t, a), momentValues(t, tr.moments[0]), momentValues(t, tr.moments[1])}
		}
		before, done := take(), tr.done.Updates
		if res, err := tr.Step([][]data.Example{r}, 10, 1e-3); err != nil || !res.Skipped {
			t.Errorf("want a skipped step, have %+v, %v", res, err)
		}
		after := take()
		for i, was := range []map[string][]float32{before.p, before.m, before.v} {
			for key, x := range was {
				if is := []map[string][]float32{after.p, after.m, after.v}[i][key]; !sameBits(x, is) {
					t.Errorf("%s changed", key)
				}
			}
		}
		if tr.done.Updates != done {
			t.Errorf("want %d updates, have %d", done, tr.done.Updates)
		}
	})
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

func momentValues(t *testing.T, m moment) map[string][]float32 {
	t.Helper()
	f := map[string][]float32{}
	for i, s := range m.layout.slots {
		x := make([]float32, s.spec.Len())
		if err := m.layout.view(m.slab, i).ReadFloats(x); err != nil {
			t.Fatal(err)
		}
		f[s.key] = x
	}
	return f
}

// What is written is read back bit for bit, and training goes on from it.
func TestSaveAndLoad(t *testing.T) {
	d := devtest.CPU(t)
	m := loadModel(t, d, "model-tiny")
	a := newAdapterFor(t, m, 0.1)
	dir := filepath.Join(t.TempDir(), "new", "adapter")
	if err := a.Save(dir, peft.Card{}); err != nil {
		t.Fatal(err)
	}
	b := loadAdapter(t, m, dir)
	want, have := values(t, a), values(t, b)
	if len(want) == 0 || len(want) != len(have) {
		t.Fatalf("want %d tensors, have %d", len(want), len(have))
	}
	for key, x := range want {
		if !slices.Equal(x, have[key]) {
			t.Errorf("%s differs", key)
		}
	}
}
