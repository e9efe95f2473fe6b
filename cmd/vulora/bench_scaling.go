package main

import (
	"errors"
	"fmt"

	"github.com/vulora/vulora/bench/step"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// scalingReport is how costs grow.
type scalingReport struct {
	Lengths  []step.Length  `json:"lengths"`
	Sizes    []sizeScaling  `json:"sizes"`
	Speedups []step.Speedup `json:"speedups,omitempty"`
}

// sizeScaling is what training takes on a model of a size.
type sizeScaling struct {
	step.Result
	Parameters int64  `json:"parameters"`
	Planned    int64  `json:"planned_bytes_2x512"` // with activations computed again
	Limit      string `json:"limit,omitempty"`     // why that cannot be
}

func (o *benchOptions) timeScaling(s *shell, r *benchReport) error {
	r.Scaling = &scalingReport{Lengths: []step.Length{}, Sizes: []sizeScaling{}}
	for _, f := range []func(*shell, *scalingReport) error{o.scaleLengths, o.scaleSizes, o.scaleWorkers} {
		if err := f(s, r.Scaling); err != nil {
			return err
		}
	}
	return nil
}

// scaleLengths trains on rows of one length after the other, on a model of the first of the sizes.
func (o *benchOptions) scaleLengths(s *shell, r *scalingReport) error {
	shape := o.scaled[0]
	table := o.table(s, "row\tµs a token and layer\tof which attention\tthe rest\tplanned\t  "+shape.Name)
	for _, n := range o.lengths {
		x, err := timed(s, fmt.Sprintf("a row of %d tokens", n), func() (step.Length, error) {
			return step.TimeLength(s.ctx, o.device, step.Config(shape), roundings(o.precisions[0]), int(n))
		})
		if err != nil {
			return err
		}
		r.Lengths = append(r.Lengths, x)
		fmt.Fprintf(table, "%d\t%.2f\t%.2f\t%.2f\t%s\t  %s\n", x.Tokens, 1e6*x.Seconds, 1e6*x.Attention,
			1e6*(x.Seconds-x.Attention), bytesText(x.Planned), plain(x.Limit))
	}
	return table.Flush()
}

// scaleSizes trains models of all the sizes.
func (o *benchOptions) scaleSizes(s *shell, r *scalingReport) error {
	table := o.table(s, "model\tparameters\ttokens/s\tns a token and million parameters\tplanned\tpeak\tplanned 2x512\t  ")
	for _, shape := range o.scaled {
		m := o.model
		m.dir, m.quantization, m.precision = "", o.quantizations[0], o.precisions[0]
		b, done := &stepBench{o: o, s: s, model: m, shape: shape}, &benchReport{}
		if err := b.run(done, []step.Job{{Name: "train 1x128", Rows: []int{128}}}); err != nil {
			return err
		}
		x := sizeScaling{Result: done.Steps[0], Parameters: b.parameters}
		x.Planned, x.Limit = step.Plan(o.device, step.Config(shape), b.options(), []int{512, 512})
		r.Sizes = append(r.Sizes, x)
		rate, _ := x.TokensPerSecond()
		fmt.Fprintf(table, "%s\t%s\t%.1f\t%.0f\t%s\t%s\t%s\t  %s\n", shape.Name, countText(x.Parameters), rate,
			1e15/rate/float64(x.Parameters), bytesText(x.Result.Planned), bytesText(x.Peak), bytesText(x.Planned),
			plain(x.Limit))
	}
	return table.Flush()
}

// scaleWorkers times the kernels of a step on one worker and on all.
func (o *benchOptions) scaleWorkers(s *shell, r *scalingReport) (err error) {
	if o.device.Info().Kind != "cpu" {
		s.note("no speedups: only the CPU has workers to take away")
		return nil
	}
	one, err := tensor.Open("cpu", tensor.OpenOptions{Threads: 1, BF16: o.model.precision == "bf16"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, one.Close()) }()
	table := o.table(s, "tokens\ttype\tms with one worker\twith all\tratio\t  operation")
	for _, row := range o.scaled[0].Rows(o.device.Info(), 1024, kernel.BF16, roundings(o.precisions[0])) {
		if !o.pattern.MatchString(row.Op) {
			continue
		}
		x, err := timed(s, row.Name(), func() (step.Speedup, error) {
			return step.TimeWorkers(one, o.device, row, o.perOp)
		})
		if err != nil {
			return err
		}
		r.Speedups = append(r.Speedups, x)
		fmt.Fprintf(table, "%d\t%s\t%.2f\t%.2f\t%.2f\t  %s\n", x.T, x.DType, 1e3*x.One, 1e3*x.All, x.Ratio, x.Op)
	}
	return table.Flush()
}
