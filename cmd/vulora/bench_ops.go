package main

import (
	"fmt"
	"slices"

	"github.com/vulora/vulora/bench"
	"github.com/vulora/vulora/tensor/kernel"
)

var (
	weightNames = []string{"f32", "f16", "bf16", "nf4", "fp4", "int8"}
	weightTypes = []kernel.DType{kernel.F32, kernel.F16, kernel.BF16, kernel.NF4, kernel.FP4, kernel.I8}
)

// rows lists the kernels that are timed, each once.
func (o *benchOptions) rows(d kernel.Info) (rows []bench.Row) {
	if !o.wants("ops") {
		return nil
	}
	seen := map[string]bool{}
	for _, shape := range o.shapes {
		for _, t := range o.tokens {
			for _, p := range o.precisions {
				for _, w := range o.weights {
					for _, r := range shape.Rows(d, uint32(t), weightTypes[slices.Index(weightNames, w)], roundings(p)) {
						r.Op += " " + shape.Name
						key := r.Name() + r.Rounding()
						if o.pattern.MatchString(r.Op) && !seen[key] {
							seen[key] = true
							rows = append(rows, r)
						}
					}
				}
			}
		}
	}
	return rows
}

// timeOps verifies and times kernels, and prints a line for each.
func (o *benchOptions) timeOps(s *shell, r *benchReport, rows []bench.Row) error {
	for _, row := range rows {
		x, err := timed(s, row.Name(), func() (bench.Result, error) { return bench.Run(o.device, row, o.perOp) })
		if err != nil {
			return err
		}
		r.Ops = append(r.Ops, x)
	}
	if err := o.measureCeilings(s, r); err != nil {
		return err
	}
	table := o.table(s, "tokens\ttype\tproduct\tms\tGFLOP/s\tGB/s\tceiling\tbound by\t  operation")
	for _, x := range r.Ops {
		fmt.Fprintf(table, "%d\t%s\t%s\t%.3f\t%.1f\t%.1f\t%.0f %%\t%s\t  %s\n", x.T, x.DType, x.Rounding, x.Seconds*1e3,
			x.FLOPS/1e9, x.Rate/1e9, 100*x.Share, x.Bound, x.Op)
	}
	return table.Flush()
}
