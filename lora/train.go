package lora

import (
	"context"
	"errors"
	"fmt"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
)

// TrainConfig says what Train does. Defaults are the caller's: zero values mean what they say.
type TrainConfig struct {
	TrainerOptions
	Examples []data.Example
	Batches  data.Schedule // how rows become steps
	Cut      data.Cut      // how the rows of a step are computed

	LearningRate  float64
	Scheduler     string         // a name of schedule.Names; empty means linear
	SchedulerArgs map[string]any // lr_scheduler_kwargs
	Warmup        float64        // steps, or below 1 a share of all steps
	Items         data.ItemRule  // what a step's loss is divided by
	MaxSkipped    int            // steps in a row that may be skipped for not being finite; 0 means none

	LoggingSteps int // OnLog is called after each so many steps; 0 means never
	Observers    []Observer

	Eval   EvalOptions
	Probe  ProbeOptions
	Save   SaveOptions
	Resume string // folder of the checkpoint to go on from; empty means from the start

	// Settings are further facts, by name, that the result depends on and RowSettings those that the rows were made
	// with: a checkpoint made with others is refused by their names.
	Settings, RowSettings map[string]string
}

// SaveOptions say when checkpoints are made, and where. A run that is interrupted makes one in any case, and one that
// makes any makes one after its last step.
type SaveOptions struct {
	Dir    string // of the folders checkpoint-N; empty means that none are made
	Steps  int    // after each so many steps; 0 means not for that
	Epochs bool   // after each epoch
	Limit  int    // checkpoints that are kept; 0 means all
	Card   func(steps int) peft.Card
}

// ErrNotFinite ends a run in which too many steps in a row had a loss or a gradient that was NaN or infinite.
var ErrNotFinite = errors.New("loss or gradient is not finite")

// Train trains a on c.Examples in transformers' order of rows, step by step. When ctx is done it finishes the step that
// runs and returns what it did; the adapter is then as that step left it.
//
// With c.Resume it goes on from a checkpoint: on the same device the adapter becomes, bit for bit, what it would have
// become without the interruption. What is measured between the steps changes nothing about them.
func Train(ctx context.Context, m *qwen2.Model, a *Adapter, c TrainConfig) (TrainReport, error) {
	plan, err := data.NewPlan(len(c.Examples), c.Batches)
	if err != nil {
		return TrainReport{}, err
	}
	if err := checkExamples(m, c.Examples); err != nil {
		return TrainReport{}, fmt.Errorf("lora: train: %w", err)
	}
	if err := c.Eval.check(&c.Save); err != nil {
		return TrainReport{}, err
	}
	r := &run{c: &c, adapter: a, plan: plan}
	if err := r.prepare(m); err != nil {
		return TrainReport{}, err
	}
	if r.machine, err = c.newMachine(m, a, plan); err != nil {
		return TrainReport{}, err
	}
	if c.Resume != "" {
		err = r.resume(c.Resume)
	}
	var report TrainReport
	if err == nil {
		report, err = r.steps(ctx)
	}
	return report, errors.Join(err, r.machine.close())
}

// A machine is all that has memory on the device in a run: what does its steps and what is done between them.
type machine struct {
	t         *trainer
	evaluator *Evaluator // nil where nothing is evaluated
	prober    *prober    // nil where nothing is asked
}

func (c *TrainConfig) newMachine(m *qwen2.Model, a *Adapter, plan *data.Plan) (k machine, err error) {
	if k.t, err = newTrainer(m, a, c.TrainerOptions, c.allPasses(plan)); err != nil {
		return k, err
	}
	if k.evaluator, err = c.newEvaluator(k.t); err == nil {
		k.prober, err = c.newProber(k.t)
	}
	if err != nil {
		return k, errors.Join(err, k.close())
	}
	return k, nil
}

func (k *machine) close() error {
	err := k.prober.close()
	if k.evaluator != nil {
		err = errors.Join(err, k.evaluator.Close())
	}
	return errors.Join(err, k.t.Close())
}
