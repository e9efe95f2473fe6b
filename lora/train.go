package lora

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/lora/schedule"
	"github.com/vulora/vulora/qwen2"
)

// TrainConfig says what Train does. Defaults are the caller's: zero values mean what they say.
type TrainConfig struct {
	TrainerOptions
	Examples []data.Example
	Batches  data.Schedule // how rows become steps

	LearningRate float64
	Scheduler    string        // a name of schedule.Names; empty means linear
	Warmup       float64       // steps, or below 1 a share of all steps
	Items        data.ItemRule // what a step's loss is divided by

	LoggingSteps int // OnLog is called after each so many steps; 0 means never

	OnPlan func(Plan) error // called once the memory is there, before the first step
	OnStep func(Progress) error
	OnLog  func(Progress) error
}

// Plan is what is known before the first step.
type Plan struct {
	Steps            int
	Rows, Tokens     int   // of one epoch
	Supervised       int   // tokens of one epoch that the loss is over
	ActivationBytes  int64 // of the largest micro-batch
	LargestTokens    int   // of a micro-batch, padding to the bucket included
	LaunchesPerBatch int   // kernels that one micro-batch of that size launches
}

// Progress is the state after a step. In OnLog, Loss and Tokens are of the steps since the last log: the mean and the
// sum.
type Progress struct {
	Step, Steps  int
	Epoch        float64
	Loss         float64
	GradNorm     float64 // of this step, before clipping
	LearningRate float64 // that this step used
	Tokens       int
	Elapsed      time.Duration // since the first step began
}

// TrainReport is what a whole run did.
type TrainReport struct {
	Steps       int
	Loss        float64 // mean over the steps
	Tokens      int     // trained on, padding not counted
	Elapsed     time.Duration
	Interrupted bool // the context was done before the last step
}

// Train trains a on c.Examples in transformers' order of rows, step by step. When ctx is done it finishes the step that
// runs and returns what it did; the adapter is then as that step left it.
func Train(ctx context.Context, m *qwen2.Model, a *Adapter, c TrainConfig) (TrainReport, error) {
	plan, err := data.NewPlan(len(c.Examples), c.Batches)
	if err != nil {
		return TrainReport{}, err
	}
	if err := checkExamples(m, c.Examples); err != nil {
		return TrainReport{}, fmt.Errorf("lora: train: %w", err)
	}
	factor, err := schedule.New(schedule.Config{Name: c.Scheduler, Total: plan.Steps(),
		Warmup: schedule.WarmupSteps(plan.Steps(), c.Warmup),
		BaseLR: c.LearningRate})
	if err != nil {
		return TrainReport{}, err
	}
	t, err := newTrainer(m, a, c.TrainerOptions, c.microBatches(plan))
	if err != nil {
		return TrainReport{}, err
	}
	run := &run{c: &c, t: t, plan: plan, rate: func(step int) float64 { return c.LearningRate * factor(step) }}
	report, err := run.steps(ctx)
	return report, errors.Join(err, t.Close())
}

// microBatches yields every micro-batch of the first epochs, in which each row occurs, so that the largest is known.
// Later epochs may pair rows to a larger one: the memory then grows once more.
func (c *TrainConfig) microBatches(plan *data.Plan) iter.Seq[[]data.Example] {
	return func(yield func([]data.Example) bool) {
		for s := range plan.From(0) {
			for _, rows := range s.MicroBatches {
				if s.Index >= 4*plan.StepsPerEpoch() || !yield(c.pick(rows)) {
					return
				}
			}
		}
	}
}

func (c *TrainConfig) pick(rows []int) []data.Example {
	batch := make([]data.Example, len(rows))
	for i, r := range rows {
		batch[i] = c.Examples[r]
	}
	return batch
}

// run is the loop of one Train.
type run struct {
	c    *TrainConfig
	t    *trainer
	plan *data.Plan
	rate func(step int) float64
}

func (r *run) steps(ctx context.Context) (report TrainReport, err error) {
	if err := r.announce(); err != nil {
		return report, err
	}
	start, since := time.Now(), Progress{}
	for s := range r.plan.From(0) {
		if ctx.Err() != nil {
			report.Interrupted = true
			return report, nil
		}
		batches := make([][]data.Example, len(s.MicroBatches))
		for i, rows := range s.MicroBatches {
			batches[i] = r.c.pick(rows)
		}
		res, err := r.t.Step(batches, data.NumItems(s, r.c.Examples, r.c.Items), r.rate(s.Index))
		if err != nil {
			return report, err
		}
		report.Steps++
		report.Tokens += res.Tokens
		report.Loss += (res.Loss - report.Loss) / float64(report.Steps)
		report.Elapsed = time.Since(start)
		p := Progress{Step: s.Index + 1, Steps: r.plan.Steps(), Epoch: s.Progress, Loss: res.Loss, GradNorm: res.GradNorm,
			LearningRate: r.rate(s.Index), Tokens: res.Tokens, Elapsed: report.Elapsed}
		if err := call(r.c.OnStep, p); err != nil {
			return report, err
		}
		since.Step, since.Loss, since.Tokens = since.Step+1, since.Loss+p.Loss, since.Tokens+p.Tokens
		if n := r.c.LoggingSteps; n > 0 && p.Step%n == 0 {
			p.Loss, p.Tokens = since.Loss/float64(since.Step), since.Tokens
			since = Progress{}
			if err := call(r.c.OnLog, p); err != nil {
				return report, err
			}
		}
	}
	return report, nil
}

func (r *run) announce() error {
	if r.c.OnPlan == nil {
		return nil
	}
	p := Plan{Steps: r.plan.Steps(), Rows: len(r.c.Examples), ActivationBytes: r.t.micro.Bytes(),
		LargestTokens:    r.t.largest.tokens,
		LaunchesPerBatch: r.t.launches}
	for _, e := range r.c.Examples {
		p.Tokens += len(e.IDs)
		p.Supervised += supervised(e)
	}
	return r.c.OnPlan(p)
}

func call(f func(Progress) error, p Progress) error {
	if f == nil {
		return nil
	}
	return f(p)
}
