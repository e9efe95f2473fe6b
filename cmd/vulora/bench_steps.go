package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/vulora/vulora/bench"
	"github.com/vulora/vulora/bench/step"
	"github.com/vulora/vulora/qwen2"
)

// jobs lists those that are timed.
func (o *benchOptions) jobs() (jobs []step.Job) {
	for _, j := range step.Jobs() {
		if o.wants("steps") && o.pattern.MatchString(j.Name) {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// timeSteps times the jobs on every model that the flags ask for.
func (o *benchOptions) timeSteps(s *shell, r *benchReport, jobs []step.Job) error {
	shapes := o.shapes
	if o.model.dir != "" {
		shapes = []bench.Shape{{Name: filepath.Base(filepath.Clean(o.model.model))}}
		c, err := readConfig(o.model.dir)
		if err != nil {
			return err
		}
		jobs = slices.DeleteFunc(jobs, func(j step.Job) bool {
			long := j.Positions() > c.MaxPositions
			if long {
				s.note("no %s: the model allows %d positions", j.Name, c.MaxPositions)
			}
			return long
		})
	}
	for _, shape := range shapes {
		for _, q := range o.quantizations {
			for _, p := range o.precisions {
				m := o.model
				m.quantization, m.precision, m.dtype, m.cache = q, p, "auto", true
				b := &stepBench{o: o, s: s, model: m, shape: shape}
				if err := b.run(r, jobs); err != nil {
					return fmt.Errorf("%s, %s, %s: %w", shape.Name, q, p, err)
				}
			}
		}
	}
	if err := o.measureCeilings(s, r); err != nil {
		return err
	}
	table := o.table(s, "model\tweights\tprecision\ttokens/s\tbest\tms\tlaunches\tof a layer\toutside\tplanned\tpeak\t"+
		"ceiling\tbound by\t  job")
	for _, x := range r.Steps {
		layer := 0
		for _, n := range x.Layer {
			layer += n
		}
		median, best := x.TokensPerSecond()
		fmt.Fprintf(table, "%s\t%s\t%s\t%.1f\t%.1f\t%.1f\t%d\t%d\t%.2f %%\t%s\t%s\t%.0f %%\t%s\t  %s\n", x.Model,
			x.Quantization, x.Precision, median, best, 1e3*x.Median, x.Launches, layer, 100*x.Outside, bytesText(x.Planned),
			bytesText(x.Peak), 100*x.Share, x.Bound, x.Job)
	}
	err := table.Flush()
	if at := slices.IndexFunc(r.Steps, func(x step.Result) bool { return strings.HasPrefix(x.Job, "train") }); at >= 0 {
		s.fact("a layer", "trains with %s", layerText(r.Steps[at].Layer))
	}
	return err
}

// layerText lists launches by kernel, most of them first.
func layerText(layer map[string]int) string {
	names := slices.SortedFunc(maps.Keys(layer), func(a, b string) int {
		return cmp.Or(cmp.Compare(layer[b], layer[a]), cmp.Compare(a, b))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", layer[name], name)
	}
	return strings.Join(names, ", ")
}

// stepBench times jobs on one model.
type stepBench struct {
	o     *benchOptions
	s     *shell
	model modelOptions
	shape bench.Shape // only its name is known of a checkpoint

	parameters int64 // once it is loaded
}

func (b *stepBench) run(r *benchReport, jobs []step.Job) (err error) {
	positions := 0
	for _, j := range jobs {
		positions = max(positions, j.Positions())
	}
	doing(b.s, "loading "+b.shape.Name)
	w := step.Watch(b.o.device)
	m, err := b.load(w, positions)
	doing(b.s, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	b.parameters = m.Params()
	for _, j := range jobs {
		resetPeak()
		text := fmt.Sprintf("%s on %s %s %s", j.Name, b.shape.Name, b.model.quantization, b.model.precision)
		x, err := timed(b.s, text, func() (step.Result, error) {
			return step.Time(b.s.ctx, w, m, j, step.Options{Least: b.o.perJob, Recompute: b.o.checkpointing == "on"})
		})
		if err != nil {
			return fmt.Errorf("%s: %w", j.Name, err)
		}
		x.Model, x.Quantization, x.Precision, x.Peak = b.shape.Name, b.model.quantization, b.model.precision, peakMemory()
		r.Steps = append(r.Steps, x)
	}
	return nil
}

// load loads the checkpoint, or makes a model of the shape with random weights.
func (b *stepBench) load(w *step.Watched, positions int) (*qwen2.Model, error) {
	if b.model.dir != "" {
		return b.model.load(b.s, w, positions)
	}
	lo := b.options()
	lo.Positions = positions
	return qwen2.Random(w, step.Config(b.shape), 1, lo)
}

// options are those of a model with random weights.
func (b *stepBench) options() qwen2.LoadOptions {
	return qwen2.LoadOptions{Precision: roundings(b.model.precision), Quantize: formats[b.model.quantization],
		Head: formats[b.model.head]}
}

// resetPeak makes peakMemory that of what follows, where the system can do that.
func resetPeak() {
	debug.FreeOSMemory()
	os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // 5 resets VmHWM (man 5 proc); elsewhere there is no such file
}
