package main

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/report"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/atomicfile"
	"github.com/vulora/vulora/qwen2/tokenizer"
	"github.com/vulora/vulora/tensor"
)

// training is a run of train once everything is loaded.
type training struct {
	o        *trainOptions
	s        *shell
	tok      *tokenizer.Tokenizer
	rows     *dataset
	device   tensor.Device
	real     tensor.Device // device, or what it is a device without memory of
	model    *qwen2.Model
	adapter  *lora.Adapter
	progress progress
	eval     evalProgress
	probe    lora.ProbeOptions
	saver    *saver
	reports  *report.Set
	told     *report.Card            // what the model card says of the run
	settings func(w io.Writer) error // writes run.yaml
	steps    int                     // of the whole run
	perEpoch int                     // steps
	ended    bool                    // nothing was left to do
	planned  int64                   // bytes of the device, before the first step
	begun    time.Time
}

func (t *training) run() error {
	t.describe()
	t.reports = t.newReports()
	c := t.config()
	c.LoggingSteps = t.o.report.loggingSteps
	c.Observers = []lora.Observer{{OnPlan: t.onPlan, OnStep: t.onStep, OnSkip: t.onSkip, OnLog: t.onLog,
		OnEval: t.onEval, OnProbe: t.onProbe,
		OnSave: func(dir string, _ lora.Progress) error { return t.saver.copyTokenizer(dir) }, OnSaved: t.onSaved}}
	c.Observers = append(c.Observers, t.reports.Observers()...)
	c.Save, c.Resume = t.o.save.options(t.card), t.o.save.from
	c.RowSettings = t.o.data.settings()
	var err error
	if c.Settings, err = t.o.model.settings(); err != nil {
		return err
	}
	if t.o.profile {
		c.Profile = new(tensor.Profile)
	}
	r, err := lora.Train(t.s.ctx, t.model, t.adapter, c)
	t.progress.end()
	t.eval.end()
	if err == nil && t.o.profile {
		printProfile(t.s, c.Profile, r)
	}
	if err == nil {
		err = t.finish(r)
	}
	t.endReports(r, err)
	return err
}

// config is what the run's memory and steps depend on.
func (t *training) config() lora.TrainConfig {
	c := t.o.loop.trainConfig(t.rows.examples, t.o.data.shuffle)
	c.Recompute, c.Cut = t.o.memory.found.Recompute, t.o.memory.found.Cut
	c.Eval, c.Probe = t.o.between.eval(t.rows), t.probe
	if e := t.rows.eval; e != nil {
		t.eval = evalProgress{s: t.s, name: "eval", rows: len(e.examples), tokens: e.report.Tokens}
		c.Eval.OnBatch = t.eval.batch
	}
	return c
}

// prepared is called once nothing is left that could refuse the run: what is in the output may now be replaced.
func (t *training) prepared(done int) error {
	if done == 0 || t.o.save.moved { // of a finished run, or with --overwrite-output
		if err := t.o.save.removeCheckpoints(); err != nil {
			return err
		}
	}
	return atomicfile.Write(filepath.Join(t.o.save.output, settingsName), t.settings)
}

func (t *training) onStep(p lora.Progress) error {
	t.progress.step(p)
	if t.s.ctx.Err() != nil {
		t.progress.note("interrupted: saving a checkpoint of step %d; a second signal ends at once", p.Step)
	}
	return nil
}

func (t *training) onSkip(k lora.Skip) error {
	t.progress.note("step %d changes nothing: loss %v, gradient norm %v: %d skipped in a row, at most %d allowed", k.Step,
		k.Loss, k.GradNorm, k.InARow, t.o.loop.maxSkipped)
	return nil
}

func (t *training) onSaved(v lora.Saved) error {
	if v.Err != nil { // the run is worth more than one checkpoint
		t.progress.note("no checkpoint at step %d: %s: going on", v.Step, plain(v.Err.Error()))
	} else if !t.s.errTTY {
		t.progress.note("checkpoint %s", v.Dir)
	}
	return nil
}

func (t *training) onLog(p lora.Progress) error {
	t.progress.log(p)
	return nil
}

// finish saves the adapter and says what the run did.
func (t *training) finish(r lora.TrainReport) error {
	if r.Interrupted {
		return t.stopped(r)
	}
	if t.ended && r.BestErr != nil && exists(t.o.save.output, "adapter_config.json") { // it may be the only one left
		return fmt.Errorf("%w: the adapter in %s is left as it is", r.BestErr, t.o.save.output)
	}
	size, err := t.saver.save(t.o.save.output, r.AdapterStep)
	if err != nil {
		return t.rescue(r, err)
	}
	t.ending(r)
	if r.Skipped > 0 {
		t.s.note("%d of the steps were skipped: their gradients were not finite", r.Skipped)
	}
	fmt.Fprintf(t.s.err, "adapter   %s (%s)\n", t.o.save.output, bytesText(size))
	t.judged(r)
	return t.result(r)
}

// peak writes the most memory that the process has had. Where the device computes in the same memory, the plan is
// a part of it, and the rest is the program and Go's heap.
func (t *training) peak() string {
	all := peakMemory()
	if t.device.Info().Kind != "cpu" || all <= t.planned {
		return bytesText(all)
	}
	return fmt.Sprintf("%s (%s planned, %s the program and Go)", bytesText(all), bytesText(t.planned),
		bytesText(all-t.planned))
}

// result prints what the run did for programs.
func (t *training) result(r lora.TrainReport) error {
	if !t.o.json {
		return nil
	}
	out := trainResult{Output: t.o.save.output, Steps: r.Steps, Skipped: r.Skipped, Loss: r.Loss,
		Tokens: r.Tokens, Seconds: r.Elapsed.Seconds(), TokensPerSecond: float64(r.Tokens) / max(1e-9, r.Elapsed.Seconds()),
		PeakBytes: peakMemory(), Interrupted: r.Interrupted, Checkpoint: r.Checkpoint,
		StoppedEarly: r.StoppedEarly}
	if r.After != nil {
		out.EvalLoss = &r.After.Loss
		if t.o.between.batchSize > 0 {
			out.EvalLoss = &r.After.BatchLoss
		}
	}
	if r.Best != nil {
		out.BestStep, out.BestLoss = r.Best.Step, &r.Best.EvalLoss
	}
	return t.s.json(out)
}

// trainResult is what train --json prints.
type trainResult struct {
	Output          string  `json:"output"`
	Steps           int     `json:"steps"`
	Skipped         int     `json:"skipped,omitempty"`
	Loss            float64 `json:"loss"`
	Tokens          int     `json:"tokens"`
	Seconds         float64 `json:"seconds"`
	TokensPerSecond float64 `json:"tokens_per_second"`
	PeakBytes       int64   `json:"peak_bytes,omitempty"`
	Interrupted     bool    `json:"interrupted"`
	Checkpoint      string  `json:"checkpoint,omitempty"`

	EvalLoss     *float64 `json:"eval_loss,omitempty"` // of the adapter
	BestStep     int      `json:"best_global_step,omitempty"`
	BestLoss     *float64 `json:"best_metric,omitempty"`
	StoppedEarly bool     `json:"stopped_early,omitempty"`
}
