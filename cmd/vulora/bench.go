package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/bench"
	"github.com/vulora/vulora/qwen2/atomicfile"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// benchOptions are the flags of bench.
type benchOptions struct {
	model     modelOptions
	sizes     []string
	tokens    []uint
	weights   []string
	op, svg   string
	perOp     time.Duration
	ceilings  bool
	precision string
	json      bool
}

func benchCommand() command {
	return command{
		name: "bench", brief: "time kernels against what the device can do at best",
		long: "Measures the device's ceilings: multiply-adds, copying, and what a launch costs. Then verifies and times\n" +
			"each kernel at the sizes of Qwen2.5, as shares of the ceiling that binds it.",
		examples: []string{
			"vulora bench", "vulora bench --op 'linear' --tokens 1,512 --weights bf16,nf4 --svg roofline.svg",
			"vulora bench --device vulkan:0 --tokens 128 --json",
		},
		setup: func(f *flags) func(s *shell) error {
			o := new(benchOptions)
			f.group("What is timed", func(s *pflag.FlagSet) {
				s.StringSliceVar(&o.sizes, "sizes", []string{"0.5b"}, "`LIST` of "+strings.Join(shapeNames(), ", "))
				s.UintSliceVar(&o.tokens, "tokens", []uint{1, 16, 128, 512, 1024, 4096}, "`LIST` of numbers of tokens")
				s.StringSliceVar(&o.weights, "weights", []string{"bf16", "nf4"}, "`LIST` of "+strings.Join(weightNames, ", "))
				s.StringVar(&o.op, "op", "", "only those whose name matches `REGEXP`")
				s.DurationVar(&o.perOp, "time", 300*time.Millisecond, "of each, about")
				s.BoolVar(&o.ceilings, "ceilings", false, "only the ceilings")
			})
			f.group("Device", func(s *pflag.FlagSet) {
				o.model.addDevice(s)
				choose(s, &o.precision, "precision", "bf16 lets products round their factors where that is faster", "bf16", "f32")
			})
			f.group("Output", func(s *pflag.FlagSet) {
				s.BoolVar(&o.json, "json", false, "print JSON")
				s.StringVar(&o.svg, "svg", "", "`FILE` for a roofline chart")
			})
			return o.run
		},
	}
}

func shapeNames() (names []string) {
	for _, s := range bench.Shapes {
		names = append(names, s.Name)
	}
	return names
}

var (
	weightNames = []string{"f32", "f16", "bf16", "nf4", "fp4", "int8"}
	weightTypes = []kernel.DType{kernel.F32, kernel.F16, kernel.BF16, kernel.NF4, kernel.FP4, kernel.I8}
)

// rows lists what is timed, each once.
func (o *benchOptions) rows(d kernel.Info) (rows []bench.Row, err error) {
	op, err := regexp.Compile(o.op)
	if err != nil {
		return nil, usagef("--op: %s", err)
	}
	precision := kernel.Exact
	if o.precision == "bf16" {
		precision = kernel.RoundBF16
	}
	seen := map[string]bool{}
	for _, size := range o.sizes {
		at := slices.IndexFunc(bench.Shapes, func(s bench.Shape) bool { return s.Name == size })
		if at < 0 {
			return nil, usagef("--sizes: want some of %s, have %q", strings.Join(shapeNames(), ", "), size)
		}
		for _, t := range o.tokens {
			if t < 1 || t > 1<<16 {
				return nil, usagef("--tokens: want 1 to 65536, have %d", t)
			}
			for _, w := range o.weights {
				i := slices.Index(weightNames, w)
				if i < 0 {
					return nil, usagef("--weights: want some of %s, have %q", strings.Join(weightNames, ", "), w)
				}
				for _, r := range bench.Shapes[at].Rows(d, uint32(t), weightTypes[i], precision) {
					if r.Op = r.Op + " " + size; op.MatchString(r.Op) && !seen[r.Name()] {
						seen[r.Name()] = true
						rows = append(rows, r)
					}
				}
			}
		}
	}
	if len(rows) == 0 {
		return nil, usagef("--op: want a pattern that matches an operation, have %q", o.op)
	}
	return rows, nil
}

// benchReport is what bench --json prints.
type benchReport struct {
	Device   string         `json:"device"`
	Driver   string         `json:"driver,omitempty"`
	Kernels  string         `json:"kernels"`
	Program  string         `json:"program"`
	Ceilings bench.Ceilings `json:"ceilings"`
	Ops      []bench.Result `json:"ops"`
}

func (o *benchOptions) run(s *shell) error {
	d, err := o.model.open()
	if err != nil {
		return err
	}
	defer d.Close()
	info := d.Info()
	rows, err := o.rows(info)
	if err != nil {
		return err
	}
	s.fact("device", "%s %s", info.Name, info.Driver)
	c, err := bench.Measure(d)
	if err != nil {
		return err
	}
	s.fact("ceilings", "float32 %.4g GFLOP/s, bfloat16 %.4g GFLOP/s, copy %.3g GB/s, read %.3g GB/s, "+
		"launch %.2g µs", c.FLOPS/1e9,
		c.BF16FLOPS/1e9, c.Copy/1e9, c.Read/1e9, c.Launch*1e6)
	report := benchReport{Device: info.Name, Driver: info.Driver, Kernels: info.Tier, Program: "vulora " + version,
		Ceilings: c, Ops: []bench.Result{}}
	if !o.ceilings {
		if report.Ops, err = o.time(s, d, rows, c); err != nil {
			return err
		}
	}
	if o.svg != "" {
		title := fmt.Sprintf("%s: kernels of Qwen2.5", info.Name)
		err := atomicfile.Write(o.svg, func(w io.Writer) error { return bench.Roofline(w, title, c, report.Ops) })
		if err != nil {
			return fmt.Errorf("--svg: %w", err)
		}
	}
	if o.json {
		return s.json(report)
	}
	return nil
}

// time runs rows and prints a line for each as it comes.
func (o *benchOptions) time(s *shell, d tensor.Device, rows []bench.Row, c bench.Ceilings) ([]bench.Result, error) {
	out := s.out
	if o.json {
		out = io.Discard
	}
	results := []bench.Result{}
	wide := 0
	for _, r := range rows {
		wide = max(wide, len([]rune(r.Op)))
	}
	line := func(cells ...string) {
		fmt.Fprintf(out, "%-*s %6s %5s %10s %9s %8s %8s  %s\n", wide, cells[0], cells[1], cells[2], cells[3], cells[4],
			cells[5], cells[6], cells[7])
	}
	line("operation", "tokens", "type", "ms", "GFLOP/s", "GB/s", "ceiling", "bound by")
	for _, r := range rows {
		if s.ctx.Err() != nil {
			return results, errInterrupted
		}
		x, err := bench.Run(d, r, c, o.perOp)
		if err != nil {
			return results, err
		}
		results = append(results, x)
		line(x.Op, fmt.Sprint(x.T), x.DType, fmt.Sprintf("%.3f", x.Seconds*1e3), fmt.Sprintf("%.1f", x.FLOPS/1e9),
			fmt.Sprintf("%.1f", x.Rate/1e9), fmt.Sprintf("%.0f %%", 100*x.Share), x.Bound)
	}
	return results, nil
}
