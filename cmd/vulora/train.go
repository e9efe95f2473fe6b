package main

import (
	"errors"
	"io"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/checkpoint"
	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
)

// trainOptions are the flags of train.
type trainOptions struct {
	model   modelOptions
	data    dataOptions
	adapter adapterOptions
	loop    loopOptions
	between betweenOptions
	memory  memoryOptions
	save    saveOptions
	report  reportOptions

	profile     bool
	json        bool
	printConfig bool
}

func trainCommand() command {
	return command{
		name: "train", brief: "fine-tune a model with LoRA",
		long: "Trains a low-rank adapter on the rows of the data files and writes it as PEFT does. Ctrl-C finishes the\n" +
			"step that runs, saves a checkpoint to go on from and exits with status 130; a second Ctrl-C ends it at once.",
		examples: []string{
			"vulora train --model ./Qwen2.5-0.5B --data rows.json --output ./adapter",
			"vulora train --model ./Qwen2.5-0.5B --data rows.jsonl --target-modules all-linear --output ./adapter",
			"vulora train --config run.yaml --learning-rate 1e-4 --output ./adapter",
			"vulora train --config ./adapter/run.yaml --resume auto",
			"vulora train --model ./Qwen2.5-0.5B --data rows.json --eval-fraction 0.1 --eval-steps 20 \\\n" +
				"      --load-best-model-at-end --early-stopping-patience 3 --probe \"Who are you?\" --output ./adapter",
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
	o.between.add(f)
	o.memory.add(f)
	o.save.add(f)
	f.group("Log", func(s *pflag.FlagSet) {
		o.report.addTo(s)
		s.BoolVar(&o.profile, "profile", false, "measure each kernel and say at the end which took how long")
		s.BoolVar(&o.json, "json", false, "print what the run did as JSON")
		s.BoolVar(&o.printConfig, "print-config", false, "print all settings as they would be used, for --config, and "+
			"do nothing else")
	})
}

// check finds everything that can be found wrong without loading anything.
func (o *trainOptions) check(s *shell, f *flags) (*qwen2.Config, error) {
	if names := givenAdapterFlags(f); o.adapter.dir != "" && len(names) > 0 {
		return nil, usagef("--adapter: the adapter's own configuration is used, so want no %s", names[0])
	}
	if len(o.data.files) == 0 {
		return nil, usagef("--data: want a file of rows, have none")
	}
	evaluated := len(o.data.evalFiles) > 0 || o.data.evalFraction > 0
	if err := errors.Join(o.loop.check(), o.between.settle(f, evaluated, o.report.loggingSteps), o.memory.check(),
		o.save.check(o.model.outline), o.report.check()); err != nil {
		return nil, err
	}
	o.model.follow(f, o.data.compat)
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
		targets, _, err := peft.Match(&pc, c.Modules())
		if err != nil {
			return nil, flagMistake(err)
		}
		if slices.Contains(targets, "lm_head") {
			return nil, usagef("--target-modules: want modules of the blocks, have lm_head: an adapter on it is not supported")
		}
	}
	return c, o.data.settle(s, f, c)
}

func (o *trainOptions) run(s *shell, f *flags) (err error) {
	c, err := o.check(s, f)
	if err != nil {
		return err
	}
	if o.printConfig {
		return o.writeSettings(s.out, f)
	}
	undo, err := prepareOutput(o.save.output, o.save.overwrite, o.save.resume != "no")
	defer func() {
		if err != nil {
			undo()
		}
	}()
	if err != nil {
		return err
	}
	unlock, err := checkpoint.Lock(o.save.output)
	if err != nil {
		return err
	}
	defer unlock()
	if err := o.save.findCheckpoint(s); err != nil {
		return err
	}
	if o.save.from != "" && o.model.precision == "auto" { // what auto finds depends on the device
		if o.model.precision, err = lora.PrecisionOf(o.save.from); err != nil {
			return err
		}
	}
	if o.save.from == "" || o.save.moved {
		o.save.tellReplaced(s)
	}
	if err := o.report.open(s); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.report.page.Close()) }()
	return o.with(s, c, func(t *training) error {
		t.settings = func(w io.Writer) error { return o.writeSettings(w, f) }
		return t.run()
	})
}

// with loads what a run needs, calls do with it and frees it.
func (o *trainOptions) with(s *shell, c *qwen2.Config, do func(*training) error) (err error) {
	tok, err := o.model.tokenizer()
	if err != nil {
		return err
	}
	if !o.model.outline { // plan writes nothing
		o.data.skipDir = o.save.output
	}
	o.data.cache = o.model.newRowCache()
	rows, err := o.data.buildBoth(s, tok, c, o.loop.seed)
	if err != nil {
		return err
	}
	o.data.settleTemplate(rows)
	device, err := o.model.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, device.Close()) }()
	real := device
	if o.model.outline {
		device = device.Dry()
	}
	probe, err := o.probe(tok, rows, c)
	if err != nil {
		return err
	}
	if err := o.fit(s, device, rows, probe); err != nil {
		return err
	}
	m, err := o.model.load(s, device, positions(o.data.maxLength, probe))
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
	t := &training{o: o, s: s, tok: tok, rows: rows, device: device, real: real, model: m, adapter: a,
		progress: progress{s: s}, probe: probe, begun: time.Now()}
	plan, err := data.NewPlan(len(rows.examples), o.loop.batches(o.data.shuffle))
	if err != nil {
		return err
	}
	t.steps, t.perEpoch = plan.Steps(), plan.StepsPerEpoch()
	if t.probe.Steps == 0 {
		t.probe.Steps = (t.steps + 9) / 10
	}
	t.saver = &saver{o: &o.save, model: o.model.dir, chat: o.model.chatTemplate, adapter: a, card: t.card}
	return do(t)
}

// newAdapter makes the adapter that is trained, or reads it.
func (o *trainOptions) newAdapter(s *shell, m *qwen2.Model) (*lora.Adapter, error) {
	if o.adapter.dir != "" {
		return loadForUse(s, m, o.model.model, o.adapter.dir)
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
