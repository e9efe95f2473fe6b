package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/report"
)

// reportOptions say what is kept of how a run goes, and where.
type reportOptions struct {
	loggingSteps int
	logFile      string
	tensorboard  string
	plot         string
	noPlot       bool
	dashboard    string

	page *report.Dashboard // once it is opened
}

func (o *reportOptions) addTo(s *pflag.FlagSet) {
	s.IntVar(&o.loggingSteps, "logging-steps", 10, "log after each so many steps, 0 for never")
	s.StringVar(&o.logFile, "log-file", "", "`FILE` of JSON lines for the log (default metrics.jsonl in the output)")
	s.StringVar(&o.tensorboard, "tensorboard", "", "`DIR` for the log as TensorBoard reads it")
	s.StringVar(&o.plot, "plot", "", "`FILE` for a chart of losses, gradient norm and learning rate in SVG (default "+
		"loss.svg in the output)")
	s.BoolVar(&o.noPlot, "no-plot", false, "draw no chart")
	s.StringVar(&o.dashboard, "dashboard", "", "show the run live on a page at `HOST:PORT`; :0 is a free port that only "+
		"this machine can reach")
}

// check finds what is wrong with the flags by themselves.
func (o *reportOptions) check() error {
	if o.loggingSteps < 0 {
		return usagef("--logging-steps: want at least 0, have %d", o.loggingSteps)
	}
	if o.plot != "" && o.noPlot {
		return usagef("--plot: want no --no-plot beside it")
	}
	if _, _, err := net.SplitHostPort(o.dashboard); o.dashboard != "" && err != nil {
		return usagef("--dashboard: want HOST:PORT, such as :0 or :8080, have %q", o.dashboard)
	}
	return nil
}

// open finds what the machine has against the reports, before anything is loaded, and opens the page.
func (o *reportOptions) open(s *shell) (err error) {
	if o.logFile != "" {
		if err := appendable(o.logFile); err != nil {
			return fmt.Errorf("--log-file %s: %w", o.logFile, err)
		}
	}
	if o.plot != "" {
		if info, err := os.Lstat(o.plot); err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("--plot %s: want a file or none, have %v", o.plot, info.Mode().Type())
		}
		if err := writable(filepath.Dir(o.plot)); err != nil {
			return fmt.Errorf("--plot %s: %w", o.plot, err)
		}
	}
	if o.tensorboard != "" {
		dir := filepath.Clean(o.tensorboard) // Begin makes what is missing of it
		for _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir); _, err = os.Stat(dir) {
			dir = filepath.Dir(dir)
		}
		if err := writable(dir); err != nil {
			return fmt.Errorf("--tensorboard %s: %w", o.tensorboard, err)
		}
	}
	if o.dashboard == "" {
		return nil
	}
	if o.page, err = report.Listen(o.dashboard); err != nil {
		return fmt.Errorf("--dashboard: %w", err)
	}
	s.fact("dashboard", "%s", o.page.URL())
	if o.page.Public() {
		s.note("everybody who can reach that address sees the run's figures and what the model answers")
	}
	return nil
}

// writable tells what keeps files from being made in a folder.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".vulora-")
	if err != nil {
		return fmt.Errorf("want a folder that can be written to: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// appendable tells what keeps a file from being made or added to. A pipe or a device, whose other end would notice, is
// not opened.
func appendable(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return writable(filepath.Dir(path))
	}
	if err != nil || !info.IsDir() && !info.Mode().IsRegular() {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("want a file that can be written to: %w", err)
	}
	return f.Close()
}

// newReports makes the reports of a run; none writes anything yet.
func (t *training) newReports() *report.Set {
	o, output := &t.o.report, t.o.save.output
	trained, _ := t.trainable()
	c := &t.model.Config
	flos := 6 * float64(t.model.Params()+trained-int64(c.Vocab)*int64(c.Hidden))
	t.told = new(report.Card)
	all := []report.Report{
		t.told,
		&report.Metrics{Path: pathOr(o.logFile, output, metricsName)},
		&report.TrainerState{Dir: output, LoggingSteps: o.loggingSteps, EvalSteps: t.evalSteps(),
			SaveSteps: t.o.save.steps, BatchSize: t.o.loop.batchSize, EpochCount: (t.steps-1)/t.perEpoch + 1,
			FlosPerToken: flos},
	}
	if o.tensorboard != "" {
		var settings strings.Builder
		if err := t.settings(&settings); err != nil {
			t.s.note("no settings for TensorBoard: %s", err)
		}
		all = append(all, &report.TensorBoard{Dir: o.tensorboard, Settings: settings.String(), FlosPerToken: flos})
	}
	if !o.noPlot {
		all = append(all, &report.Plot{Path: pathOr(o.plot, output, plotName), Title: t.title()})
	}
	if o.page != nil {
		o.page.Describe(t.title(), output, peakMemory)
		all = append(all, o.page)
	}
	return &report.Set{Reports: all, Resume: t.o.save.from, Note: t.progress.note}
}

// evalSteps is what transformers has for eval_steps: 500 where nothing is evaluated every so many steps.
func (t *training) evalSteps() int {
	if b := &t.o.between; t.rows.eval != nil && b.strategy == "steps" {
		return b.steps
	}
	return 500
}

// title names the run.
func (t *training) title() string {
	name := t.o.model.model
	if exists(name, "config.json") {
		name = filepath.Base(filepath.Clean(name))
	}
	return fmt.Sprintf("%s on %s rows", name, countText(len(t.rows.examples)))
}

const plotName = "loss.svg"

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
