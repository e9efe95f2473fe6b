package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/qwen2"
)

// mergeOptions are the flags of merge; those that it shares with eval say how the losses are measured.
type mergeOptions struct {
	eval                evalOptions
	base, output, dtype string
	overwrite           bool
}

func mergeCommand() command {
	return command{
		name: "merge", brief: "write a checkpoint with an adapter merged into its weights",
		long: "Adds what an adapter learned to the weights of its base model and writes them as a checkpoint of their\n" +
			"own, with the base's tokenizer and generation settings. Prints the norm of what the adapter adds to each\n" +
			"weight and of the error that rounding the sum makes. With --data, also the loss of base and adapter before,\n" +
			"and of the merged checkpoint after, with products in float32.\n\n" +
			"A checkpoint in 4 bits is refused: most of what an adapter changes is less than the distance of two 4-bit\n" +
			"values, so that quantising the sum again rounds away most of what it learned. Name the 16-bit checkpoint\n" +
			"that it was made from as --base: the adapter is merged into that one, and the loss before is still that of\n" +
			"--model with the adapter.",
		examples: []string{
			"vulora merge --model ./Qwen2.5-0.5B --adapter ./adapter --output ./merged",
			"vulora merge --model ./Qwen2.5-0.5B --adapter ./adapter --output ./merged --data rows.json --limit 64",
			"vulora merge --model ./Qwen2.5-7B-bnb-4bit --base ./Qwen2.5-7B --adapter ./adapter --output ./merged",
		},
		setup: func(f *flags) func(s *shell) error {
			o := new(mergeOptions)
			f.group("Model", func(s *pflag.FlagSet) {
				o.eval.model.addModel(s)
				s.StringVar(&o.base, "base", "", "checkpoint `DIR` in 16 or 32 bits to merge into; --model if empty")
				s.StringVar(&o.eval.adapter, "adapter", "", "`DIR` of a PEFT adapter")
			})
			f.group("Output", func(s *pflag.FlagSet) {
				s.StringVar(&o.output, "output", "", "`DIR` for the merged checkpoint")
				s.BoolVar(&o.overwrite, "overwrite-output", false, "write into a folder that holds other things")
				choose(s, &o.dtype, "dtype", "type of the merged weights; auto keeps that of the base", "auto", "f32", "bf16",
					"f16")
				s.BoolVar(&o.eval.json, "json", false, "print JSON")
			})
			f.group("Loss before and after", func(s *pflag.FlagSet) {
				o.eval.data.addRows(s)
				choose(s, &o.eval.model.quantization, "quantization", "of --model for the loss before, if the adapter was "+
					"trained with it", "none", "nf4", "fp4", "int8")
				s.BoolVar(&o.eval.model.doubleQuant, "double-quant", false, "round the scales of nf4 and fp4 as bitsandbytes "+
					"does to store them in 8 bits")
				o.eval.model.addDevice(s)
			})
			return func(s *shell) error { return o.run(s, f) }
		},
	}
}

func (o *mergeOptions) run(s *shell, f *flags) error {
	if err := o.check(f); err != nil {
		return err
	}
	base, err := o.resolve()
	if err != nil {
		return err
	}
	var rows *dataset
	if len(o.eval.data.files) > 0 { // bad rows are found before anything is written
		if rows, err = o.rows(s, f); err != nil {
			return err
		}
	}
	report, err := o.merge(s, base)
	if err != nil {
		return err
	}
	out := newMerged(o.output, report)
	if rows != nil {
		describeRows(s, rows, o.eval.data.maxLength, "predicted")
		if out.Before, err = o.loss(s, "before", o.eval.model, o.eval.adapter, rows); err != nil {
			return err
		}
		after := o.eval.model
		after.dir, after.quantization, after.doubleQuant = o.output, "none", false
		if out.After, err = o.loss(s, "after", after, "", rows); err != nil {
			return err
		}
	}
	if o.eval.json {
		return s.json(out)
	}
	return out.print(s)
}

func (o *mergeOptions) check(f *flags) error {
	switch {
	case o.eval.adapter == "":
		return usagef("--adapter: want the folder of an adapter, have none")
	case o.output == "":
		return usagef("--output: want a folder for the merged checkpoint, have none")
	case len(o.eval.data.files) == 0 && f.given("quantization"):
		return usagef("--quantization: want --data with it: it is for the loss before; what is merged is never quantised")
	}
	o.eval.model.follow(f, o.eval.data.compat)
	return nil
}

// resolve finds the checkpoints and returns the folder of the one to merge into.
func (o *mergeOptions) resolve() (base string, err error) {
	if err := o.eval.model.resolve(); err != nil {
		return "", err
	}
	base = o.eval.model.dir
	if o.base == "" {
		return base, nil
	}
	if sameFolder(base, o.output) { // lora.Merge looks at base and adapter
		return "", fmt.Errorf("--output %s: want another folder than --model", o.output)
	}
	if base, err = checkpointDir(o.base, ""); err != nil {
		return "", fmt.Errorf("%s", strings.Replace(err.Error(), "--model", "--base", 1))
	}
	return base, nil
}

func sameFolder(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

func (o *mergeOptions) rows(s *shell, f *flags) (*dataset, error) {
	c, err := readConfig(o.eval.model.dir)
	if err != nil {
		return nil, err
	}
	if err := o.eval.data.settle(s, f, c); err != nil {
		return nil, err
	}
	tok, err := o.eval.model.tokenizer()
	if err != nil {
		return nil, err
	}
	return o.eval.data.build(s, tok, c)
}

// merge writes the checkpoint and explains what is in the way of it.
func (o *mergeOptions) merge(s *shell, base string) (*lora.MergeReport, error) {
	if _, err := readConfig(base); err != nil {
		return nil, err
	}
	types := map[string]string{"f32": "F32", "bf16": "BF16", "f16": "F16"}
	mo := lora.MergeOptions{DType: types[o.dtype], Overwrite: o.overwrite}
	report, err := lora.Merge(s.ctx, base, o.eval.adapter, o.output, mo)
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(s.err, "interrupted: no checkpoint written")
		return nil, errInterrupted
	case errors.Is(err, lora.ErrQuantized):
		return nil, fmt.Errorf("%w: name the 16-bit checkpoint that it was made from as --base; quantised again, the "+
			"merged weights would lose most of what the adapter learned", err)
	case errors.Is(err, lora.ErrNotEmpty):
		return nil, fmt.Errorf("%w: name another --output, or add --overwrite-output", err)
	case err != nil:
		return nil, otherBase(err, o.eval.adapter, o.eval.model.model)
	}
	for _, w := range report.Warnings {
		s.note("%s", w)
	}
	s.fact("merged", "%d weights and %d biases; %s in %s", len(report.Modules), report.Biases, bytesText(report.Bytes),
		o.output)
	return report, nil
}

// loss measures a checkpoint with an adapter, or alone.
func (o *mergeOptions) loss(s *shell, name string, m modelOptions, adapter string, rows *dataset) (f *evalFigure,
	err error) {
	err = withModel(s, &m, o.eval.data.maxLength, adapter, func(model *qwen2.Model, a *lora.Adapter) (err error) {
		f, err = o.eval.figure(s, name, model, a, rows)
		return err
	})
	return f, err
}

// merged is what merge --json prints.
type merged struct {
	Output  string         `json:"output"`
	Bytes   int64          `json:"bytes"` // of weights
	Biases  int            `json:"biases,omitempty"`
	DoRA    bool           `json:"use_dora,omitempty"`
	Modules []mergedModule `json:"modules"`
	Before  *evalFigure    `json:"before,omitempty"` // base and adapter
	After   *evalFigure    `json:"after,omitempty"`
}

// mergedModule has the Frobenius norms of what the adapter adds to a weight, and of the rounding error of the sum.
type mergedModule struct {
	Module string  `json:"module"`
	Delta  float64 `json:"norm_delta"`
	Error  float64 `json:"norm_error"`
}

func newMerged(output string, r *lora.MergeReport) *merged {
	m := &merged{Output: output, Bytes: r.Bytes, Biases: r.Biases, DoRA: r.DoRA}
	for _, x := range r.Modules {
		m.Modules = append(m.Modules, mergedModule(x))
	}
	return m
}

func (m *merged) print(s *shell) error {
	name := func(i int) string { return m.Modules[i].Module }
	fmt.Fprintln(s.out, "Norm of what the adapter adds to each weight:")
	delta := func(i int) string { return fmt.Sprintf("%.3g", m.Modules[i].Delta) }
	if err := printLayers(s, len(m.Modules), name, delta); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "\nNorm of the error that rounding makes:")
	wrong := func(i int) string { return fmt.Sprintf("%.2g", m.Modules[i].Error) }
	if err := printLayers(s, len(m.Modules), name, wrong); err != nil || m.Before == nil {
		return err
	}
	fmt.Fprintln(s.out)
	w := tabwriter.NewWriter(s.out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "\tloss\tperplexity\t\n")
	fmt.Fprintf(w, "before\t%.4f\t%.4g\t\n", m.Before.Loss, m.Before.Perplexity)
	fmt.Fprintf(w, "after\t%.4f\t%.4g\t\n", m.After.Loss, m.After.Perplexity)
	return w.Flush()
}
