package lora

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/vulora/vulora/lora/data"
)

// EvalOptions say when the loss over rows that are not trained on is measured, and what follows from it. With rows it
// is measured before the first step and after the last in any case.
type EvalOptions struct {
	Examples []data.Example
	Rows     int  // of a batch, per_device_eval_batch_size; 0 packs them, and eval_loss is then the mean over tokens
	Steps    int  // after each so many steps; 0 means not for that
	Epochs   bool // after each epoch

	// LoadBest leaves the adapter as it was after the step with the lowest eval_loss. Each such step gets a checkpoint.
	LoadBest bool
	// Patience is the number of evaluations in a row without a lower eval_loss than before, by more than Threshold,
	// after which the run ends; 0 means never. The rule is that of transformers' EarlyStoppingCallback.
	Patience  int
	Threshold float64

	OnBatch func(Evaluation) error // called after each batch of an evaluation
}

// evalState is what a run knows of its evaluations. Losses that are not finite are not kept.
type evalState struct {
	First   *Evaluation `json:"first,omitempty"` // before the first step
	Last    *Evaluation `json:"last,omitempty"`
	Best    *Best       `json:"best,omitempty"`
	Count   int         `json:"count"` // of those after steps
	Waited  int         `json:"early_stopping_patience_counter"`
	Stopped bool        `json:"stopped_early"`
}

// check refuses what cannot be done.
func (o *EvalOptions) check(save *SaveOptions) error {
	decides := o.LoadBest || o.Patience > 0
	switch {
	case o.Rows < 0 || o.Steps < 0 || o.Patience < 0 || !(o.Threshold >= 0):
		return fmt.Errorf("lora: train: evaluation: want numbers of at least 0, have rows %d, steps %d, patience %d, "+
			"threshold %v", o.Rows, o.Steps, o.Patience, o.Threshold)
	case decides && (len(o.Examples) == 0 || o.Steps == 0 && !o.Epochs):
		return errors.New("lora: train: best adapter and early stopping: want rows to evaluate on, and when, have none")
	case o.LoadBest && save.Dir == "":
		return errors.New("lora: train: best adapter: want a folder for checkpoints, have none")
	}
	return nil
}

// settings are what the result depends on, with transformers' names. When something is measured that nothing follows
// from is not among them.
func (o *EvalOptions) settings() map[string]string {
	if !o.LoadBest && o.Patience == 0 {
		return nil
	}
	s := map[string]string{"eval rows": dataDigest(o.Examples), "per_device_eval_batch_size": fmt.Sprint(o.Rows),
		"eval_steps": fmt.Sprint(o.Steps), "load_best_model_at_end": fmt.Sprint(o.LoadBest),
		"early_stopping_patience": fmt.Sprint(o.Patience), "early_stopping_threshold": fmt.Sprint(o.Threshold)}
	if o.Epochs {
		s["eval_steps"] = "epochs"
	}
	return s
}

// newEvaluator makes the evaluator of a run; batches are about as large as those of training, so that they take no more
// memory than a step does.
func (c *TrainConfig) newEvaluator(t *trainer) (*Evaluator, error) {
	if len(c.Eval.Examples) == 0 {
		return nil, nil
	}
	return NewEvaluator(t.model, t.adapter, c.Eval.Examples, EvaluateOptions{Rows: c.Eval.Rows,
		Tokens: min(DefaultEvaluateTokens, max(512, t.largest.tokens)), OnBatch: c.Eval.OnBatch})
}

// errPending is returned where the context was done before all that was due after a step.
var errPending = errors.New("lora: interrupted between steps")

// between does what is due after a step, or before the first: an evaluation, then the probes. Where it was interrupted
// it may be called again, and does what was not done.
func (r *run) between(ctx context.Context, p Progress) error {
	x, begun := &r.state, time.Now()
	evaluate := r.evaluator != nil && x.Evaluated != p.Step && r.due(p.Step, r.c.Eval.Steps, r.c.Eval.Epochs)
	probe := func() bool {
		return r.prober != nil && x.Probed != p.Step && (x.Eval.Stopped || r.due(p.Step, r.c.Probe.Steps, false))
	}
	if !evaluate && !probe() {
		x.Pending = false
		return nil
	}
	x.Pending = true
	defer func() { // time between steps is none of the steps
		took := time.Since(begun)
		r.begun, x.Between = r.begun.Add(took), x.Between+took
	}()
	if evaluate {
		if err := r.evaluate(ctx, p); err != nil {
			return err
		}
	}
	if probe() {
		if err := r.probe(ctx, p); err != nil {
			return err
		}
	}
	x.Pending = false
	return nil
}

// due tells whether something comes after a step that is done before the first step, after the last, after each so many
// steps and, perhaps, after each epoch.
func (r *run) due(step, every int, epochs bool) bool {
	return step == 0 || step == r.plan.Steps() || every > 0 && step%every == 0 ||
		epochs && step%r.plan.StepsPerEpoch() == 0
}

// evaluate measures the loss after a step and draws the conclusions.
func (r *run) evaluate(ctx context.Context, p Progress) error {
	if ctx.Err() != nil {
		return errPending
	}
	loss, err := r.evaluator.Run(ctx)
	switch {
	case errors.Is(err, ErrNotFinite): // the steps may be finite all the same, or find the way back
		loss.Loss, loss.BatchLoss = math.NaN(), math.NaN()
	case err != nil && ctx.Err() != nil:
		return errPending
	case err != nil:
		return err
	}
	e := Evaluated{Step: p.Step, Steps: p.Steps, Epoch: p.Epoch, Loss: loss, EvalLoss: loss.Loss, Err: err}
	if r.c.Eval.Rows > 0 {
		e.EvalLoss = loss.BatchLoss
	}
	r.conclude(&e)
	return tell(r.c.Observers, func(o *Observer) func(Evaluated) error { return o.OnEval }, e)
}
