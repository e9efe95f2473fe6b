package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/bench"
	"github.com/vulora/vulora/bench/step"
	"github.com/vulora/vulora/qwen2/atomicfile"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// benchOptions are the flags of bench.
type benchOptions struct {
	model         modelOptions
	only, sizes   []string
	op, svg       string
	precisions    []string
	tokens        []uint
	weights       []string
	perOp, perJob time.Duration
	quantizations []string
	checkpointing string
	json          bool

	pattern *regexp.Regexp // of op
	shapes  []bench.Shape  // of sizes
	lengths []uint         // of rows, for scaling
	scaled  []bench.Shape
	device  tensor.Device
}

// benchParts are what --only can ask for; the ceilings are measured in any case.
var benchParts = []string{"ceilings", "ops", "steps", "scaling"}

func benchCommand() command {
	return command{
		name: "bench", brief: "time kernels and whole steps against what the device can do at best",
		long: "Measures the device's ceilings, before and after everything else, and takes the best: multiply-adds,\n" +
			"copying, reading, and what a launch costs. Then verifies and times each kernel at the sizes of Qwen2.5, and\n" +
			"times training steps, prompts and decoding of whole models with random weights, or of a checkpoint with\n" +
			"--model; all of them as shares of the ceiling that binds them. --only scaling measures how costs grow with\n" +
			"the length of rows, the size of the model and the number of workers.",
		examples: []string{
			"vulora bench",
			"vulora bench --only ops --op linear --tokens 1,512,4096 --weights bf16,nf4 --svg roofline.svg",
			"vulora bench --only steps --op train --model ./Qwen2.5-0.5B --quantization none,nf4 --precision bf16,f32",
			"vulora bench --only steps --sizes 0.5b,1.5b,3b --quantization nf4 --gradient-checkpointing on",
			"vulora bench --only scaling --tokens 1024,4096,16384",
			"vulora bench --device vulkan:0 --op 'decode|linear' --json",
		},
		setup: func(f *flags) func(s *shell) error {
			o := new(benchOptions)
			o.add(f)
			return func(s *shell) error { return o.run(s, f) }
		},
	}
}

func (o *benchOptions) add(f *flags) {
	list := func(names []string) string { return "`LIST` of " + strings.Join(names, ", ") }
	f.group("What is timed", func(s *pflag.FlagSet) {
		s.StringSliceVar(&o.only, "only", []string{"ops", "steps"}, list(benchParts))
		s.StringVar(&o.op, "op", "", "only kernels and jobs whose name matches `REGEXP`")
		s.StringSliceVar(&o.sizes, "sizes", []string{"0.5b"}, list(shapeNames()))
		s.StringSliceVar(&o.precisions, "precision", []string{"bf16"}, list([]string{"bf16", "f32"})+"; bf16 lets products "+
			"round their factors where that is faster")
	})
	f.group("Kernels", func(s *pflag.FlagSet) {
		s.UintSliceVar(&o.tokens, "tokens", []uint{1, 512}, "`LIST` of numbers of tokens; of scaling, the lengths of rows")
		s.StringSliceVar(&o.weights, "weights", []string{"bf16", "nf4"}, list(weightNames))
		s.DurationVar(&o.perOp, "time", 100*time.Millisecond, "of each kernel, about")
	})
	f.group("Whole steps", func(s *pflag.FlagSet) {
		o.model.addModel(s)
		s.StringSliceVar(&o.quantizations, "quantization", []string{"none"}, list([]string{"none", "nf4", "fp4", "int8"})+
			" of the linear layers")
		choose(s, &o.model.head, "head", "quantization of the embedding and the output head", "none", "int8")
		choose(s, &o.checkpointing, "gradient-checkpointing", "compute activations twice instead of keeping them", "off",
			"on")
		s.DurationVar(&o.perJob, "job-time", 2*time.Second, "of each job, at least, after a first step that does not count")
	})
	f.group("Device", func(s *pflag.FlagSet) { o.model.addDevice(s) })
	f.group("Output", func(s *pflag.FlagSet) {
		s.BoolVar(&o.json, "json", false, "print JSON")
		s.StringVar(&o.svg, "svg", "", "`FILE` for a roofline chart of the kernels")
	})
}

// check finds what is wrong with the flags.
func (o *benchOptions) check(f *flags) (err error) {
	for _, l := range []struct {
		flag         string
		have, wanted []string
	}{{"only", o.only, benchParts}, {"sizes", o.sizes, shapeNames()}, {"precision", o.precisions, []string{"bf16", "f32"}},
		{"weights", o.weights, weightNames}, {"quantization", o.quantizations, []string{"none", "nf4", "fp4", "int8"}}} {
		if len(l.have) == 0 {
			return usagef("--%s: want some of %s, have none", l.flag, strings.Join(l.wanted, ", "))
		}
		for _, x := range l.have {
			if !slices.Contains(l.wanted, x) {
				return usagef("--%s: want some of %s, have %q%s", l.flag, strings.Join(l.wanted, ", "), x,
					didYouMean("", x, l.wanted))
			}
		}
	}
	for _, s := range bench.Shapes {
		if slices.Contains(o.sizes, s.Name) {
			o.shapes = append(o.shapes, s)
		}
	}
	o.lengths, o.scaled = o.tokens, o.shapes
	if !f.given("tokens") {
		o.lengths = []uint{1024, 2048, 4096, 8192}
	}
	if !f.given("sizes") {
		o.scaled = bench.Shapes
	}
	for _, t := range o.tokens {
		if t < 1 || t > 1<<16 {
			return usagef("--tokens: want 1 to 65536, have %d", t)
		}
	}
	if o.perOp < 0 || o.perJob < 0 {
		return usagef("--time and --job-time: want at least 0, have %v and %v", o.perOp, o.perJob)
	}
	if o.pattern, err = regexp.Compile(o.op); err != nil {
		return usagef("--op: %s", err)
	}
	if o.model.threads < 0 {
		return usagef("--threads: want at least 0, have %d", o.model.threads)
	}
	if f.given("model") {
		return o.model.resolve()
	}
	return nil
}

func (o *benchOptions) wants(part string) bool { return slices.Contains(o.only, part) }

func shapeNames() (names []string) {
	for _, s := range bench.Shapes {
		names = append(names, s.Name)
	}
	return names
}

// roundings are the names of kernel's precisions.
func roundings(name string) uint32 {
	if name == "bf16" {
		return kernel.RoundBF16
	}
	return kernel.Exact
}

// benchReport is what bench --json prints.
type benchReport struct {
	Device   string         `json:"device"`
	Driver   string         `json:"driver,omitempty"`
	Kernels  string         `json:"kernels"`
	Program  string         `json:"program"`
	Ceilings bench.Ceilings `json:"ceilings"`
	Ops      []bench.Result `json:"ops"`
	Steps    []step.Result  `json:"steps"`
	Scaling  *scalingReport `json:"scaling,omitempty"`
}

func (o *benchOptions) run(s *shell, f *flags) error {
	if err := o.check(f); err != nil {
		return err
	}
	if slices.Contains(o.precisions, "bf16") {
		o.model.precision = "bf16" // the device, as train has it with that flag
	}
	var err error
	if o.device, err = o.model.open(); err != nil {
		return err
	}
	defer o.device.Close()
	info := o.device.Info()
	rows, jobs := o.rows(info), o.jobs()
	if (o.wants("ops") || o.wants("steps")) && len(rows)+len(jobs) == 0 {
		return usagef("--op: want a pattern that matches a kernel or a job, have %q", o.op)
	}
	s.fact("device", "%s %s", info.Name, info.Driver)
	r := &benchReport{Device: info.Name, Driver: info.Driver, Kernels: info.Tier, Program: "vulora " + version,
		Ops: []bench.Result{}, Steps: []step.Result{}}
	if err := o.measureCeilings(s, r); err != nil {
		return err
	}
	if len(rows) > 0 {
		if err := o.timeOps(s, r, rows); err != nil {
			return err
		}
	}
	if len(jobs) > 0 {
		if err := o.timeSteps(s, r, jobs); err != nil {
			return err
		}
	}
	if o.wants("scaling") {
		if err := o.timeScaling(s, r); err != nil {
			return err
		}
	}
	if o.svg != "" {
		title := fmt.Sprintf("%s: kernels of Qwen2.5", info.Name)
		err := atomicfile.Write(o.svg, func(w io.Writer) error { return bench.Roofline(w, title, r.Ceilings, r.Ops) })
		if err != nil {
			return fmt.Errorf("--svg: %w", err)
		}
	}
	if o.json {
		return s.json(r)
	}
	return nil
}

func ceilingsText(c bench.Ceilings) string {
	return fmt.Sprintf("float32 %.4g GFLOP/s, bfloat16 %.4g GFLOP/s, copy %.3g GB/s, read %.3g GB/s, launch %.2g µs",
		c.FLOPS/1e9, c.BF16FLOPS/1e9, c.Copy/1e9, c.Read/1e9, c.Launch*1e6)
}

// measureCeilings measures once more, and keeps the best.
func (o *benchOptions) measureCeilings(s *shell, r *benchReport) error {
	c, err := bench.Measure(o.device)
	if err != nil {
		return err
	}
	if r.Ceilings.FLOPS > 0 {
		c = c.Best(r.Ceilings)
	}
	r.Ceilings = c
	s.fact("ceilings", "%s", ceilingsText(c))
	for i := range r.Ops {
		r.Ops[i].Against(c)
	}
	for i := range r.Steps {
		r.Steps[i].Against(c)
	}
	return nil
}

// table begins a table on the standard output; its columns are separated by tabs. With --json it goes nowhere.
func (o *benchOptions) table(s *shell, head string) *tabwriter.Writer {
	out := s.out
	if o.json {
		out = io.Discard
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, head)
	return t
}

// doing tells on a terminal what takes so long; with an empty text it takes the line away.
func doing(s *shell, text string) {
	if s.errTTY {
		fmt.Fprintf(s.err, "\r\x1b[K%s", text)
	}
}

// timed calls f, which times what the text says, and tells of it while it does.
func timed[T any](s *shell, text string, f func() (T, error)) (T, error) {
	doing(s, "timing "+text)
	x, err := f()
	doing(s, "")
	if s.ctx.Err() != nil {
		err = errInterrupted
	}
	return x, err
}
