package step

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
)

// batchSize is how many rows a micro-batch has, where there are so many.
const batchSize = 2

// train times optimizer steps of a LoRA of rank 8 on q, k, v and o without dropout.
func train(ctx context.Context, w *Watched, m *qwen2.Model, j Job, o Options, r *Result) error {
	a, err := newAdapter(m)
	if err != nil {
		return err
	}
	defer a.Close()
	c := trainConfig(m, j.Rows)
	c.Recompute = o.Recompute
	if _, err := runTraining(ctx, w, m, a, c, o, r); err != nil {
		return err
	}
	products := 9.0
	if o.Recompute {
		products = 11
	}
	for _, n := range j.Rows {
		r.Tokens += n
		r.attend(attention(&m.Config, products, pairs(n)))
	}
	return nil
}

// longFirst is a first step that is counted: what is only done once is little of it.
const longFirst = 20 * time.Second

// runTraining times steps until there are enough, and returns what they did.
func runTraining(ctx context.Context, w *Watched, m *qwen2.Model, a *lora.Adapter, c lora.TrainConfig, o Options,
	r *Result) (done counts, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	watch, last := stopwatch{w: w, o: o}, time.Duration(0)
	c.Observers = []lora.Observer{{
		OnPlan: func(lora.Plan) error {
			r.Planned = m.Device.Usage().Total()
			watch.begin()
			return nil
		},
		OnStep: func(p lora.Progress) error {
			if p.Step == 1 && p.Elapsed < longFirst {
				watch.begin()
			} else if watch.step(p.Elapsed - last) {
				stop()
			}
			last = p.Elapsed
			return nil
		},
	}}
	if _, err = lora.Train(ctx, m, a, c); err == nil && len(watch.all) > 0 {
		done = watch.end(r)
	}
	return done, err
}

func newAdapter(m *qwen2.Model) (*lora.Adapter, error) {
	c := peft.Default()
	c.LoraAlpha, c.Targets = peft.Int(16), peft.Modules{Names: []string{"q_proj", "k_proj", "v_proj", "o_proj"}}
	return lora.NewAdapter(m, c, 1)
}

// trainConfig is a run on random rows of the given lengths, all of them in each step.
func trainConfig(m *qwen2.Model, rows []int) lora.TrainConfig {
	c := lora.TrainConfig{LearningRate: 1e-4, MaxSkipped: mostSteps}
	c.Optimizer = lora.Optimizer{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, MaxGradNorm: 1}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range rows {
		ids := tokens(m, rng, n)
		c.Examples = append(c.Examples, data.Example{IDs: ids, Labels: ids})
	}
	size := min(batchSize, len(rows))
	c.Batches = data.Schedule{BatchSize: size, Accumulation: (len(rows) + size - 1) / size, MaxSteps: mostSteps}
	return c
}
