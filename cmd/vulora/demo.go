package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/cmd/vulora/demodata"
	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/qwen2/atomicfile"
)

// demoOptions are the flags of demo.
type demoOptions struct {
	device  modelOptions
	output  string
	another bool // write into a folder that holds other things
}

func demoCommand() command {
	return command{
		name: "demo", brief: "the main job on an embedded tiny model: ask, train on 54 rows, ask again",
		long: "Needs no download and takes seconds. The model has 1.5 million parameters and knows little; the rows\n" +
			"teach it which counties of Korea are divided between South and North. Model, rows and adapter are left in\n" +
			"the output.",
		examples: []string{"vulora demo", "vulora demo --device vulkan"},
		setup: func(f *flags) func(s *shell) error {
			o := new(demoOptions)
			f.group("Device", o.device.addDevice)
			f.group("Output", func(s *pflag.FlagSet) {
				s.StringVar(&o.output, "output", "vulora-demo", "`DIR` for the adapter, the model and the rows")
				s.BoolVar(&o.another, "overwrite-output", false, "write into a folder that holds other things")
			})
			return o.run
		},
	}
}

// demoQuestions are asked before and after: two of the rows, one like them, and two that shall stay as they are.
var demoQuestions = []struct{ text, remark string }{
	{"남북으로 나뉘어 있는 군을 알려주세요.", "a row: which counties are divided?"},
	{"북한에도 고성군이 있나요?", "a row: is there a Goseong in the North as well?"},
	{"남북으로 갈라진 군은 어디인가요?", "not a row, but asks the same"},
	{"What is the capital of Japan?", "has nothing to do with the rows"},
	{"보성군은 무엇으로 유명한가요?", "has nothing to do with the rows"},
}

func (o *demoOptions) run(s *shell) error {
	undo, err := prepareOutput(o.output, o.another, false)
	if err != nil {
		undo()
		return err
	}
	if exists(o.output, "adapter_config.json") {
		s.note("the adapter in %s will be replaced", o.output)
	}
	model, rows := filepath.Join(o.output, "model"), filepath.Join(o.output, demodata.Rows)
	if err := extractDemo(model, rows); err != nil {
		return err
	}
	t := o.recipe(model, rows)
	c, err := readConfig(model)
	if err != nil {
		return err
	}
	before := make([]string, len(demoQuestions))
	var report lora.TrainReport
	err = t.with(s, c, func(r *training) (err error) {
		fmt.Fprintf(s.err, "The device is %s.\nThe model has %s parameters. Before training it answers:\n\n",
			r.device.Info().Name,
			countText(r.model.Params()))
		if before, err = r.ask(s, nil); err != nil {
			return err
		}
		fmt.Fprintf(s.err, "\nTraining %s parameters on %d rows:\n\n", countText(r.adapter.Params()), len(r.rows.examples))
		if report, err = r.demoTrain(s); err != nil {
			return err
		}
		fmt.Fprintf(s.err, "\n%d steps, %s tokens in %s: %.0f tokens/s. Now it answers:\n\n", report.Steps,
			countText(report.Tokens),
			durationText(report.Elapsed), perSecond(report.Tokens, report.Elapsed.Seconds()))
		if _, err = r.ask(s, before); err != nil {
			return err
		}
		_, err = r.saver.save(o.output, report.Steps)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "\nThe adapter is in %s, in PEFT's format. To ask it something yourself:\n\n"+
		"  vulora generate --model %s --adapter %s --template seed --greedy --prompt \"강원도에서 분단된 군은?\"\n"+
		"  vulora inspect %s\n\nTo train a model of yours:\n\n"+
		"  vulora train --model DIR --data FILE.json --output DIR\n\n", o.output, model, o.output, o.output)
	return nil
}

// extractDemo writes the embedded checkpoint and rows.
func extractDemo(model, rows string) error {
	if err := os.MkdirAll(model, 0o777); err != nil {
		return err
	}
	files, err := demodata.Model()
	if err != nil {
		return err
	}
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return writeFile(filepath.Join(model, name), content)
	})
	if err != nil {
		return err
	}
	content, err := demodata.ReadRows()
	if err != nil {
		return err
	}
	return writeFile(rows, content)
}

func writeFile(path string, content []byte) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// recipe is how the model learns the rows without forgetting much else.
func (o *demoOptions) recipe(model, rows string) *trainOptions {
	t := new(trainOptions)
	f := newFlags()
	t.add(f) // for the defaults
	t.model.device, t.model.threads = o.device.device, o.device.threads
	t.model.model, t.model.dir = model, model
	t.data.files, t.data.template = []string{rows}, "seed"
	t.adapter.targets, t.adapter.r, t.adapter.alpha, t.adapter.dropout = "all-linear", 8, 16, 0.05
	t.loop.learningRate, t.loop.epochs, t.loop.batchSize, t.loop.accumulation, t.loop.seed = 1e-3, 10, 2, 4, 2
	t.save.output, t.save.strategy = o.output, "no"
	return t
}

// ask answers the questions, beside what was answered before.
func (t *training) ask(s *shell, before []string) (answers []string, err error) {
	g := &answerer{s: s, model: t.model, tok: t.tok, prompt: &promptOptions{template: "seed"},
		settings: sampleSettings{newTokens: 64}}
	for _, id := range t.model.Config.EOS {
		g.settings.eos = append(g.settings.eos, int32(id))
	}
	if before != nil {
		g.adapter = t.adapter
	}
	for i, q := range demoQuestions {
		out, err := g.answer(s.ctx, q.text, nil)
		if err != nil {
			return nil, err
		}
		if out.Reason == "interrupted" {
			return nil, errInterrupted
		}
		answers = append(answers, out.Text)
		fmt.Fprintf(s.out, "  %s  (%s)\n", q.text, q.remark)
		mark := "    → "
		if before != nil && before[i] == out.Text {
			mark = "    = "
		}
		if _, err := fmt.Fprintln(s.out, mark+harmless(out.Text, s.outTTY)); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// demoTrain trains and shows the mean loss of each epoch.
func (t *training) demoTrain(s *shell) (lora.TrainReport, error) {
	c := t.o.loop.trainConfig(t.rows.examples, true)
	sum, n := 0.0, t.perEpoch
	c.Observers = []lora.Observer{{OnStep: func(p lora.Progress) error {
		sum += p.Loss
		if p.Step%n == 0 {
			fmt.Fprintf(s.err, "  epoch %2d of %d  step %2d  mean loss %.2f  lr %.2g  %s\n", p.Step/n, p.Steps/n, p.Step,
				sum/float64(n),
				p.LearningRate, durationText(p.Elapsed))
			sum = 0
		}
		return nil
	}}}
	r, err := lora.Train(s.ctx, t.model, t.adapter, c)
	if err == nil && r.Interrupted {
		err = errInterrupted
	}
	return r, err
}
