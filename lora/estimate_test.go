package lora

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// What is estimated on a dry device is what training takes on the device itself, by purpose and to the byte.
func TestEstimate(t *testing.T) {
	for _, o := range []qwen2.LoadOptions{{}, {Quantize: bnb.NF4, DoubleQuant: true, Head: bnb.Int8}} {
		for _, twice := range []bool{false, true} {
			t.Run(fmt.Sprint(o.Quantize, " twice ", twice), func(t *testing.T) {
				devtest.Each(t, func(t *testing.T, d kernel.Device) {
					compareEstimate(t, d, o, TrainerOptions{Optimizer: adamW, Recompute: twice})
				})
			})
		}
	}
}

// So it is with every optimizer, and with noise.
func TestEstimateOptimizers(t *testing.T) {
	for name, r := range rules {
		t.Run(name, func(t *testing.T) {
			devtest.Each(t, func(t *testing.T, d kernel.Device) { compareEstimate(t, d, qwen2.LoadOptions{}, r.o) })
		})
	}
}

func compareEstimate(t *testing.T, d kernel.Device, o qwen2.LoadOptions, trainer TrainerOptions) {
	c := TrainConfig{TrainerOptions: trainer, Examples: rows(512),
		Batches: data.Schedule{BatchSize: 2, Accumulation: 2, MaxSteps: 1},
		Eval:    EvalOptions{Examples: rows(500)[1:]},
		Probe: ProbeOptions{Prompts: []ProbePrompt{{"", make([]int32, 3)}, {"", make([]int32, 33)}}, MaxNewTokens: 3,
			Decoder: func() qwen2.Decoder { return plainDecoder{} }}}
	o.Outline = true
	dry := d.Dry()
	m, a := modelAndAdapter(t, dry, o)
	e, err := EstimateTraining(m, a, c)
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	m.Close()
	if left := dry.Usage(); left.Total() != left[kernel.Staging] {
		t.Errorf("not freed: %v", left)
	}
	dry.Close()

	o.Outline = false
	m, a = modelAndAdapter(t, d, o)
	defer m.Close()
	defer a.Close()
	plan, err := data.NewPlan(len(c.Examples), c.Batches)
	if err != nil {
		t.Fatal(err)
	}
	k, err := c.newMachine(m, a, plan)
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	tr := k.t
	if have := d.Usage(); have != e.Memory || e.LargestTokens != tr.largest.tokens || e.Steps != plan.Steps() {
		t.Errorf("want %v in %d steps of %d tokens, as estimated, have %v, %d, %d", e.Memory, e.Steps, e.LargestTokens,
			have, plan.Steps(), tr.largest.tokens)
	}
	for s := range plan.From(0) {
		for _, b := range s.MicroBatches {
			if _, err := tr.Step([][]data.Example{c.pick(nil, b)}, 1, 1e-3); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := k.evaluator.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Probe.Prompts {
		if _, err := k.prober.answer(context.Background(), p); err != nil {
			t.Fatal(err)
		}
	}
	if have := d.Usage(); have != e.Memory {
		t.Errorf("want %v after a step, an evaluation and answers, have %v", e.Memory, have)
	}
}

func modelAndAdapter(t *testing.T, d kernel.Device, o qwen2.LoadOptions) (*qwen2.Model, *Adapter) {
	t.Helper()
	o.Positions = 64
	m, err := qwen2.Load(d, filepath.Join("..", "qwen2", "testdata", "model-tiny", "model"), o)
	if err != nil {
		t.Fatal(err)
	}
	c := peft.Default()
	c.Targets, c.Bias = peft.Modules{Pattern: peft.AllLinear}, peft.BiasAll
	a, err := NewAdapter(m, c, 7)
	if err != nil {
		t.Fatal(err)
	}
	return m, a
}
