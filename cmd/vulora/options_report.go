package main

import (
	"errors"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/report"
)

// reportOptions say what is kept of how a run goes, and where.
type reportOptions struct {
	loggingSteps int
	logFile      string
}

func (o *reportOptions) addTo(s *pflag.FlagSet) {
	s.IntVar(&o.loggingSteps, "logging-steps", 10, "log after each so many steps, 0 for never")
	s.StringVar(&o.logFile, "log-file", "", "`FILE` of JSON lines for the log (default metrics.jsonl in the output)")
}

func (o *reportOptions) check() error {
	if o.loggingSteps < 0 {
		return usagef("--logging-steps: want at least 0, have %d", o.loggingSteps)
	}
	return nil
}

// newReports makes the reports of a run; none writes anything yet.
func (t *training) newReports() *report.Set {
	o := &t.o.report
	trained, _ := t.trainable()
	c := &t.model.Config
	computing := t.model.Params() + trained - int64(c.Vocab)*int64(c.Hidden)
	set := &report.Set{Resume: t.o.save.from, Note: t.progress.note, Reports: []report.Report{
		&report.Metrics{Path: pathOr(o.logFile, t.o.save.output, metricsName)},
		&report.TrainerState{Dir: t.o.save.output, LoggingSteps: o.loggingSteps, EvalSteps: t.evalSteps(),
			SaveSteps: t.o.save.steps, BatchSize: t.o.loop.batchSize, EpochCount: (t.steps-1)/t.perEpoch + 1,
			FlosPerToken: 6 * float64(computing)},
	}}
	return set
}

// evalSteps is what transformers has for eval_steps: 500 where nothing is evaluated every so many steps.
func (t *training) evalSteps() int {
	if b := &t.o.between; t.rows.eval != nil && b.strategy == "steps" {
		return b.steps
	}
	return 500
}

// pathOr is path, or that of a file in the output if it is empty.
func pathOr(path, output, name string) string {
	if path != "" {
		return path
	}
	return filepath.Join(output, name)
}

func (t *training) endReports(r lora.TrainReport, err error) {
	if errors.Is(err, errInterrupted) { // is no failure
		err = nil
	}
	t.reports.End(report.End{TrainReport: r, Err: err})
}
