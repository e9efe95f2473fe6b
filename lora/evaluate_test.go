package lora

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

func evaluate(t *testing.T, m *qwen2.Model, a *Adapter, rows []data.Example, o EvaluateOptions) Evaluation {
	t.Helper()
	e, err := Evaluate(context.Background(), m, a, rows, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// The loss of a model alone is what transformers has on the right-padded batch.
func TestGoldenEvaluateBase(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		for _, model := range []string{"model-tiny", "model-untied-sharded"} {
			var want struct {
				Sequences []sequence
				Loss      float64 `json:"loss_mean"`
				Items     int     `json:"num_items"`
			}
			readJSON(t, filepath.Join(golden(model), "batch.json"), &want)
			e := evaluate(t, loadModel(t, d, model), nil, examples(want.Sequences), EvaluateOptions{})
			if !(math.Abs(e.Loss-want.Loss) <= 1e-5) || e.Supervised != want.Items {
				t.Errorf("%s: want %v over %d tokens, have %v over %d", model, want.Loss, want.Items, e.Loss, e.Supervised)
			}
		}
	})
}

// The loss with an adapter is PEFT's.
func TestGoldenEvaluateAdapters(t *testing.T) {
	dir := golden("lora-grads")
	variants, err := filepath.Glob(filepath.Join(dir, "*", "adapter"))
	if err != nil || len(variants) == 0 {
		t.Fatalf("no variants in %s: %v", dir, err)
	}
	compared := 0
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		for _, adapter := range variants {
			var want struct {
				Model string
				Loss  float64
			}
			readJSON(t, filepath.Join(filepath.Dir(adapter), "expected.json"), &want)
			var batch struct{ Sequences []sequence }
			name := "batch.json"
			if filepath.Base(want.Model) == "model-untied-sharded" {
				name = "batch_untied.json"
			}
			readJSON(t, filepath.Join(dir, name), &batch)
			if c, _, err := ReadConfig(adapter); err != nil || c.Supported() != nil {
				continue // TestGoldenLoRAGradients says which are refused
			}
			m := loadModel(t, d, want.Model)
			a := loadAdapter(t, m, adapter)
			e := evaluate(t, m, a, examples(batch.Sequences), EvaluateOptions{})
			if !(math.Abs(e.Loss-want.Loss) <= 1e-5) {
				t.Errorf("%s: want %v, have %v", adapter, want.Loss, e.Loss)
			}
			if alone := evaluate(t, m, nil, examples(batch.Sequences), EvaluateOptions{}); alone.Loss == e.Loss {
				t.Errorf("%s: the adapter changes nothing", adapter)
			}
			compared++
		}
	})
	if compared == 0 {
		t.Error("no adapter was compared")
	}
}

// The loss of the first step's rows, before it, is what the Trainer logs: on a plain base and on a 4-bit one.
func TestGoldenEvaluateTrajectory(t *testing.T) {
	var about struct{ Checkpoint string }
	readJSON(t, filepath.Join(golden("qlora-trajectory"), "case.json"), &about)
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		for _, c := range []struct{ dir, run, model string }{
			{golden("train-trajectory"), filepath.Join(golden("train-trajectory"), "linear"), "model-tiny"},
			{golden("qlora-trajectory"), golden("qlora-trajectory"), filepath.Dir(filepath.FromSlash(about.Checkpoint))},
		} {
			var set struct{ Rows []sequence }
			readJSON(t, filepath.Join(c.dir, "dataset.json"), &set)
			var want trajectory
			readJSON(t, filepath.Join(c.run, "trajectory.json"), &want)
			all := examples(set.Rows)
			plan, err := data.NewPlan(len(all), want.config(all).Batches)
			if err != nil {
				t.Fatal(err)
			}
			var rows []data.Example
			for s := range plan.From(0) {
				for _, micro := range s.MicroBatches {
					for _, r := range micro {
						rows = append(rows, all[r])
					}
				}
				break
			}
			m := loadModel(t, d, c.model)
			e := evaluate(t, m, loadAdapter(t, m, filepath.Join(c.dir, "adapter_init")), rows, EvaluateOptions{})
			if !(math.Abs(e.Loss-want.Steps[0].Loss) <= 1e-5) {
				t.Errorf("%s: want %v, have %v", c.run, want.Steps[0].Loss, e.Loss)
			}
		}
	})
}

// partly supervises every second token of every second row.
func partly(all []data.Example) []data.Example {
	for i := range all {
		for t := range all[i].Labels {
			if i%2 == 0 && t%2 == 0 {
				all[i].Labels[t] = data.Ignore
			}
		}
	}
	return all
}

// How rows are put into batches changes the loss by rounding alone: a batch's loss is a float32 sum of at most some
// hundred terms, so 1e-6 is ten times what it can be off. BatchLoss is the mean of batches' means by rows.
func TestEvaluateBatches(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadModel(t, d, "model-tiny")
		r := partly(rows(m.Config.Vocab))
		want := evaluate(t, m, nil, r, EvaluateOptions{Rows: 1})
		var sum, means float64
		for _, x := range r {
			e := evaluate(t, m, nil, []data.Example{x}, EvaluateOptions{})
			sum += e.Loss * float64(e.Supervised)
			means += e.Loss / float64(len(r))
		}
		if !(math.Abs(want.Loss-sum/float64(want.Supervised)) <= 1e-12) || !(math.Abs(want.BatchLoss-means) <= 1e-12) {
			t.Errorf("want %v and %v of single rows, have %+v", sum/float64(want.Supervised), means, want)
		}
		for _, o := range []EvaluateOptions{{}, {Tokens: 1}, {Tokens: 30}, {Rows: 4}, {Rows: 100}} {
			calls, last := 0, Evaluation{}
			o.OnBatch = func(e Evaluation) error { calls, last = calls+1, e; return nil }
			e := evaluate(t, m, nil, r, o)
			if !(math.Abs(e.Loss-want.Loss) <= 1e-6*want.Loss) {
				t.Errorf("%+v: want %v, have %v", o, want.Loss, e.Loss)
			}
			if e.Rows != want.Rows || e.Tokens != want.Tokens || e.Supervised != want.Supervised || e.Rows != len(r) {
				t.Errorf("%+v: want the counts of %+v, have %+v", o, want, e)
			}
			if n := len(evaluationBatches(r, o)); calls != n || last != e {
				t.Errorf("%+v: want %d calls, the last with the result, have %d with %+v", o, n, calls, last)
			}
		}
		four := evaluate(t, m, nil, r, EvaluateOptions{Rows: 4})
		first, rest := evaluate(t, m, nil, r[:4], EvaluateOptions{}), evaluate(t, m, nil, r[4:], EvaluateOptions{})
		if by := (4*first.Loss + 2*rest.Loss) / 6; !(math.Abs(four.BatchLoss-by) <= 1e-12) {
			t.Errorf("batches of 4: want a loss by rows of %v, have %v", by, four.BatchLoss)
		}
	})
}

// An evaluator may run between steps: it sees the adapter of the time, its memory is what it says, and a second run
// makes nothing new.
func TestEvaluatorRunsAgain(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadModel(t, d, "model-tiny")
		a, r := newAdapterFor(t, m, 0.1), rows(m.Config.Vocab)
		before := d.Usage()[kernel.Activations]
		e, err := NewEvaluator(m, a, r[2:], EvaluateOptions{Rows: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if used := d.Usage()[kernel.Activations] - before; used != e.Bytes() || used == 0 {
			t.Errorf("want %d bytes of activations, have %d", e.Bytes(), used)
		}
		run := func() float64 {
			t.Helper()
			res, err := e.Run(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			return res.Loss
		}
		untrained, alone := run(), evaluate(t, m, nil, r[2:], EvaluateOptions{Rows: 2}).Loss
		if untrained != alone || run() != untrained {
			t.Errorf("want %v of an adapter that adds nothing, every time, have %v", alone, untrained)
		}
		tr, err := newTrainer(m, a, TrainerOptions{Optimizer: adamW}, slices.Values([][]data.Example{r[2:]}))
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		for range 3 {
			if _, err := tr.Step([][]data.Example{r[2:]}, 40, 1e-2); err != nil {
				t.Fatal(err)
			}
		}
		if trained := run(); !(trained < untrained) {
			t.Errorf("want a loss below %v after training on the rows, have %v", untrained, trained)
		}
		if used := d.Usage()[kernel.Activations] - before - tr.micro.Bytes() - tr.update.Bytes(); used != e.Bytes() {
			t.Errorf("want %d bytes of activations after three runs, have %d", e.Bytes(), used)
		}
	})
}

func TestEvaluateRefuses(t *testing.T) {
	d := devtest.CPU(t)
	m := loadModel(t, d, "model-tiny")
	vocab := int32(m.Config.Vocab)
	long := make([]int32, m.Positions()+1)
	for want, rows := range map[string][]data.Example{
		"want a supervised token, have none in 0 rows": nil,
		"want a supervised token, have none in 1 rows": {{IDs: []int32{1, 2}, Labels: []int32{1, data.Ignore}}},
		"row 0: want token ids and labels in [0":       {{IDs: []int32{1, vocab}, Labels: []int32{1, 2}}},
		"row 1: want token ids and labels in [0": {{IDs: []int32{1, 2}, Labels: []int32{1, 2}},
			{IDs: []int32{1, 2}, Labels: []int32{1, -3}}},
		"want a label for each of 2 tokens, have 1": {{IDs: []int32{1, 2}, Labels: []int32{1}}},
		"tokens that the model was loaded for":      {{IDs: long, Labels: long}},
	} {
		_, err := Evaluate(context.Background(), m, nil, rows, EvaluateOptions{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, have %v", want, err)
		}
	}
	r, a := rows(m.Config.Vocab), newAdapterFor(t, m, 0)
	ctx, stop := context.WithCancel(context.Background())
	o := EvaluateOptions{Rows: 2, OnBatch: func(Evaluation) error { stop(); return nil }}
	if e, err := Evaluate(ctx, m, a, r, o); !errors.Is(err, context.Canceled) || e.Rows != 2 || !(e.Loss > 0) {
		t.Errorf("want what was measured of the first batch and context.Canceled, have %+v and %v", e, err)
	}
	x := make([]float32, a.params[1].Len())
	x[0] = float32(math.NaN())
	if err := a.params[1].WriteFloats(x); err != nil {
		t.Fatal(err)
	}
	if _, err := Evaluate(context.Background(), m, a, r, EvaluateOptions{}); !errors.Is(err, ErrNotFinite) {
		t.Errorf("want ErrNotFinite, have %v", err)
	}
}
