package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/tokenizer"
	"github.com/vulora/vulora/tensor"
)

// trainOptions are the flags of train.
type trainOptions struct {
	model   modelOptions
	data    dataOptions
	adapter adapterOptions
	loop    loopOptions
	save    saveOptions

	loggingSteps  int
	logFile       string
	checkpointing string
	profile       bool
	json          bool
}

func trainCommand() command {
	return command{
		name: "train", brief: "fine-tune a model with LoRA",
		long: "Trains a low-rank adapter on the rows of the data files and writes it as PEFT does. Ctrl-C finishes the\n" +
			"step that runs, saves the adapter and exits with status 130.",
		examples: []string{
			"vulora train --model ./Qwen2.5-0.5B --data rows.json --output ./adapter",
			"vulora train --model ./Qwen2.5-0.5B --data rows.jsonl --target-modules all-linear --output ./adapter",
			"vulora train --config run.yaml --learning-rate 1e-4 --output ./adapter",
			"vulora train --model ./Qwen2.5-0.5B --adapter ./adapter --data more.csv --output ./adapter-2",
		},
		setup: func(f *flags) func(s *shell) error {
			o := new(trainOptions)
			o.add(f)
			return func(s *shell) error { return o.run(s, f) }
		},
	}
}

func (o *trainOptions) add(f *flags) {
	o.model.add(f)
	o.data.add(f)
	o.adapter.add(f)
	f.group("Adapter to go on with", func(s *pflag.FlagSet) {
		s.StringVar(&o.adapter.dir, "adapter", "", "`DIR` of a PEFT adapter that is trained on; its configuration is used")
	})
	o.loop.add(f)
	f.group("Memory", func(s *pflag.FlagSet) {
		choose(s, &o.checkpointing, "gradient-checkpointing",
			"compute activations twice instead of keeping them; auto does it where memory is short", "auto", "on", "off")
	})
	o.save.add(f)
	f.group("Log", func(s *pflag.FlagSet) {
		s.IntVar(&o.loggingSteps, "logging-steps", 10, "log after each so many steps, 0 for never")
		s.StringVar(&o.logFile, "log-file", "", "`FILE` of JSON lines for the log (default metrics.jsonl in the output)")
		s.BoolVar(&o.profile, "profile", false, "measure each kernel and say at the end which took how long")
		s.BoolVar(&o.json, "json", false, "print what the run did as JSON")
	})
}

// check finds everything that can be found wrong without loading anything.
func (o *trainOptions) check(s *shell, f *flags) (*qwen2.Config, error) {
	if names := givenAdapterFlags(f); o.adapter.dir != "" && len(names) > 0 {
		return nil, usagef("--adapter: the adapter's own configuration is used, so want no %s", names[0])
	}
	if o.loggingSteps < 0 {
		return nil, usagef("--logging-steps: want at least 0, have %d", o.loggingSteps)
	}
	if len(o.data.files) == 0 {
		return nil, usagef("--data: want a file of rows, have none")
	}
	if err := errors.Join(o.loop.check(), o.save.check(o.model.outline)); err != nil {
		return nil, err
	}
	if o.data.compat == "seed" && !f.given("quantization") {
		o.model.quantization = "fp4" // what load_in_4bit alone means
	}
	if err := o.model.resolve(); err != nil {
		return nil, err
	}
	c, err := readConfig(o.model.dir)
	if err != nil {
		return nil, err
	}
	if o.adapter.dir == "" {
		pc, err := o.adapter.config()
		if err != nil {
			return nil, err
		}
		if _, _, err := peft.Match(&pc, c.Modules()); err != nil {
			return nil, err
		}
	}
	return c, o.data.settle(s, f, c)
}

func (o *trainOptions) run(s *shell, f *flags) (err error) {
	c, err := o.check(s, f)
	if err != nil {
		return err
	}
	undo, err := prepareOutput(s, o.save.output, o.save.overwrite)
	defer func() {
		if err != nil {
			undo()
		}
	}()
	if err != nil {
		return err
	}
	return o.with(s, c, (*training).run)
}

// with loads what a run needs, calls do with it and frees it.
func (o *trainOptions) with(s *shell, c *qwen2.Config, do func(*training) error) (err error) {
	tok, err := o.model.tokenizer()
	if err != nil {
		return err
	}
	o.data.skipDir = o.save.output
	rows, err := o.data.buildBoth(s, tok, c, o.loop.seed)
	if err != nil {
		return err
	}
	device, err := o.model.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, device.Close()) }()
	if o.model.outline {
		device = device.Dry()
	}
	m, err := o.model.load(s, device, o.data.maxLength)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	a, err := o.newAdapter(s, m)
	if err != nil {
		return err
	}
	defer a.Close()
	if s.ctx.Err() != nil {
		return errInterrupted
	}
	t := &training{o: o, s: s, tok: tok, rows: rows, device: device, model: m, adapter: a, progress: progress{s: s},
		begun: time.Now()}
	t.twice = t.recompute()
	plan, err := data.NewPlan(len(rows.examples), o.loop.batches(o.data.shuffle))
	if err != nil {
		return err
	}
	t.steps = plan.Steps()
	t.saver = &saver{o: &o.save, model: o.model.dir, perEpoch: plan.StepsPerEpoch(), adapter: a, card: t.card}
	return do(t)
}

// newAdapter makes the adapter that is trained, or reads it.
func (o *trainOptions) newAdapter(s *shell, m *qwen2.Model) (*lora.Adapter, error) {
	if o.adapter.dir != "" {
		a, warnings, err := lora.LoadAdapter(m, o.adapter.dir)
		for _, w := range warnings {
			s.note("%s", w)
		}
		return a, err
	}
	pc, err := o.adapter.config()
	if err != nil {
		return nil, err
	}
	pc.BaseModel, pc.Revision = o.model.model, o.model.revision
	a, err := lora.NewAdapter(m, pc, o.loop.seed)
	if err != nil {
		return nil, err
	}
	if a.Config.Targets.Pattern == peft.AllLinear { // as PEFT saves it
		a.Config.Targets = peft.Modules{Names: peft.ShortNames(a.Targets)}
	}
	return a, nil
}

// training is a run of train once everything is loaded.
type training struct {
	o        *trainOptions
	s        *shell
	tok      *tokenizer.Tokenizer
	rows     *dataset
	device   tensor.Device
	model    *qwen2.Model
	adapter  *lora.Adapter
	progress progress
	saver    *saver
	metrics  *metrics
	steps    int  // of the whole run
	twice    bool // activations are computed again instead of kept
	begun    time.Time
}

func (t *training) run() (err error) {
	t.describe()
	path := t.o.logFile
	if path == "" {
		path = t.o.save.metricsPath()
	}
	if t.metrics, err = newMetrics(path); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.metrics.close()) }()
	c := t.o.loop.trainConfig(t.rows.examples, t.o.data.shuffle)
	c.Recompute = t.twice
	c.LoggingSteps = t.o.loggingSteps
	c.OnPlan, c.OnStep, c.OnLog = t.onPlan, t.onStep, t.onLog
	if t.o.profile {
		c.Profile = new(tensor.Profile)
	}
	r, err := lora.Train(t.s.ctx, t.model, t.adapter, c)
	t.progress.end()
	if err != nil {
		return err
	}
	if t.o.profile {
		printProfile(t.s, c.Profile, r)
	}
	return t.finish(r)
}

func (t *training) onStep(p lora.Progress) error {
	t.progress.step(p)
	dir, err := t.saver.step(p)
	if err != nil { // the run is worth more than one checkpoint
		t.progress.note("no checkpoint at step %d: %s: going on", p.Step, plain(err.Error()))
	} else if dir != "" && !t.s.errTTY {
		t.progress.note("checkpoint %s", dir)
	}
	if t.s.ctx.Err() != nil {
		t.progress.note("interrupted: saving the adapter of step %d", p.Step)
	}
	return nil
}

func (t *training) onLog(p lora.Progress) error {
	t.progress.log(p)
	if err := t.metrics.log(p); err != nil {
		t.progress.note("no more log: %s: going on", err)
	}
	return nil
}

// finish saves the adapter and says what the run did.
func (t *training) finish(r lora.TrainReport) error {
	if r.Interrupted && r.Steps == 0 {
		fmt.Fprintln(t.s.err, "interrupted before the first step: nothing saved")
		return errInterrupted
	}
	rate := float64(r.Tokens) / max(1e-9, r.Elapsed.Seconds())
	if err := t.metrics.summary(r); err != nil {
		t.s.note("no summary in the log: %s", err)
	}
	size, err := t.saver.save(t.o.save.output, r.Steps)
	if err != nil {
		return fmt.Errorf("the adapter could not be saved: %w", err)
	}
	fmt.Fprintf(t.s.err, "trained   %d of %d steps, mean loss %.4f; %s tokens in %s, %.0f tokens/s; peak memory %s\n",
		r.Steps, t.steps, r.Loss, countText(r.Tokens), durationText(r.Elapsed), rate, bytesText(peakMemory()))
	fmt.Fprintf(t.s.err, "adapter   %s (%s)\n", t.o.save.output, bytesText(size))
	if t.o.json {
		err = t.s.json(trainResult{Output: t.o.save.output, Steps: r.Steps, Loss: r.Loss, Tokens: r.Tokens,
			Seconds: r.Elapsed.Seconds(), TokensPerSecond: rate, PeakBytes: peakMemory(), Interrupted: r.Interrupted})
	}
	if err == nil && r.Interrupted {
		err = errInterrupted
	}
	return err
}

// trainResult is what train --json prints.
type trainResult struct {
	Output          string  `json:"output"`
	Steps           int     `json:"steps"`
	Loss            float64 `json:"loss"`
	Tokens          int     `json:"tokens"`
	Seconds         float64 `json:"seconds"`
	TokensPerSecond float64 `json:"tokens_per_second"`
	PeakBytes       int64   `json:"peak_bytes,omitempty"`
	Interrupted     bool    `json:"interrupted"`
}
