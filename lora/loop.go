package lora

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/lora/schedule"
	"github.com/vulora/vulora/qwen2"
)

// run is the loop of one Train.
type run struct {
	c       *TrainConfig
	adapter *Adapter
	machine
	plan   *data.Plan
	factor schedule.Func
	state  state
	begun  time.Time // of this process's steps, moved by what lay between them
	before time.Duration
	last   Progress
	saved  string // the newest checkpoint

	pending int // the step whose checkpoint was made before all was done that was due after it; -1 for none

	otherDevice string // that the steps before a resumption were done on
	bestLost    string // see Plan.BestLost
}

// prepare finds what can be found wrong before memory is made.
func (r *run) prepare(m *qwen2.Model) (err error) {
	c, steps := r.c, r.plan.Steps()
	r.factor, err = schedule.New(schedule.Config{Name: c.Scheduler, Total: steps,
		Warmup: schedule.WarmupSteps(steps, c.Warmup), BaseLR: c.LearningRate, Args: c.SchedulerArgs})
	if err != nil {
		return err
	}
	r.state = state{Format: 1, Steps: steps, Cut: c.Cut, Evaluated: -1, Probed: -1}
	r.last, r.pending = Progress{Steps: steps}, -1
	r.state.Fingerprint, err = newFingerprint(m, r.adapter, c, steps)
	return err
}

func (r *run) steps(ctx context.Context) (TrainReport, error) {
	if err := r.announce(); err != nil {
		return TrainReport{}, err
	}
	r.begun = time.Now()
	err := r.begin(ctx)
	for s := range r.plan.From(r.state.Step) {
		if err != nil || r.state.Eval.Stopped {
			break
		}
		if err = r.step(ctx, s); err == nil && ctx.Err() != nil && !r.state.ended() {
			err = errPending
		}
	}
	switch {
	case errors.Is(err, errPending):
		return r.interrupted()
	case errors.Is(err, ErrNotFinite): // the adapter is good, and may be hours of work
		report, saveErr := r.interrupted()
		return report, errors.Join(err, saveErr)
	case err != nil:
		return r.report(), err
	}
	report := r.report()
	r.loadBest(&report)
	return report, nil
}

// begin does what is due before the first step, or was not done after the last one before a resumption.
func (r *run) begin(ctx context.Context) error {
	if r.state.ended() {
		return nil
	}
	if ctx.Err() != nil {
		return errPending
	}
	if r.state.Step == 0 {
		return r.between(ctx, r.last)
	}
	if !r.state.Pending {
		return nil
	}
	if err := r.between(ctx, r.last); err != nil {
		return err
	}
	return r.saveIfDue(r.last)
}

// step does one optimizer step and what is due after it.
func (r *run) step(ctx context.Context, s data.Step) error {
	rate := r.c.LearningRate * r.factor(r.state.Scheduler)
	res, err := r.t.Step(r.c.passes(s), data.NumItems(s, r.c.Examples, r.c.Items), rate)
	if err != nil {
		return err
	}
	p := Progress{Step: s.Index + 1, Steps: r.plan.Steps(), Epoch: s.Progress, Loss: res.Loss, GradNorm: res.GradNorm,
		LearningRate: rate, Tokens: res.Tokens, Elapsed: r.elapsed(), Between: r.state.Between}
	if err := r.count(p, res); err != nil {
		return err
	}
	if err := r.log(p); err != nil {
		return err
	}
	if err := r.between(ctx, p); err != nil {
		return err
	}
	return r.saveIfDue(p)
}

// count takes a step into the state and tells the observers of it.
func (r *run) count(p Progress, res stepResult) error {
	r.last = p
	x := &r.state
	x.Step, x.Tokens, x.Took = p.Step, x.Tokens+p.Tokens, p.Elapsed
	x.Since.Tokens += p.Tokens
	x.Trainer = r.t.done
	if res.Skipped {
		return r.skip(p)
	}
	x.InARow = 0
	x.Scheduler++
	x.Loss += (p.Loss - x.Loss) / float64(x.Step-x.Skipped)
	x.Since.Steps, x.Since.Loss = x.Since.Steps+1, x.Since.Loss+p.Loss
	return tell(r.c.Observers, func(o *Observer) func(Progress) error { return o.OnStep }, p)
}

// skip counts a step that changed nothing, since its loss or gradient was not finite.
func (r *run) skip(p Progress) error {
	x := &r.state
	x.Skipped++
	x.InARow++
	err := tell(r.c.Observers, func(o *Observer) func(Skip) error { return o.OnSkip }, Skip{p, x.InARow, x.Skipped})
	if err == nil && x.InARow > r.c.MaxSkipped {
		err = fmt.Errorf("lora: step %d: %w: loss %v, gradient norm %v, %d steps in a row: the adapter is as it was "+
			"before them: lower the learning rate, or look at the rows of these steps", p.Step, ErrNotFinite, p.Loss,
			p.GradNorm, x.InARow)
	}
	return err
}

func (r *run) log(p Progress) error {
	n, since := r.c.LoggingSteps, &r.state.Since
	if n == 0 || p.Step%n != 0 {
		return nil
	}
	p.Loss, p.Tokens = math.NaN(), since.Tokens
	if since.Steps > 0 {
		p.Loss = since.Loss / float64(since.Steps)
	}
	*since = sinceLog{}
	return tell(r.c.Observers, func(o *Observer) func(Progress) error { return o.OnLog }, p)
}

func (r *run) elapsed() time.Duration { return r.before + time.Since(r.begun) }

func (r *run) report() TrainReport {
	x := &r.state
	report := TrainReport{Steps: x.Step, Skipped: x.Skipped, Loss: x.Loss, Tokens: x.Tokens, Elapsed: x.Took,
		StoppedEarly: x.Eval.Stopped, Checkpoint: r.saved, AdapterStep: x.Step, Before: x.Eval.First, Best: x.Eval.Best}
	if x.Evaluated == x.Step {
		report.After = x.Eval.Last
	}
	return report
}

func (r *run) announce() error {
	p := Plan{Steps: r.plan.Steps(), Done: r.state.Step, Ended: r.state.ended(), Took: r.before,
		OtherDevice: r.otherDevice, Rows: len(r.c.Examples), ActivationBytes: r.t.micro.Bytes(),
		LargestTokens: r.t.largest.tokens, LaunchesPerBatch: r.t.launches, Best: r.state.Eval.Best, BestLost: r.bestLost}
	for _, e := range r.c.Examples {
		p.Tokens += len(e.IDs)
		p.Supervised += supervised(e)
	}
	return tell(r.c.Observers, func(o *Observer) func(Plan) error { return o.OnPlan }, p)
}
