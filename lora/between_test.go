package lora

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vulora/vulora/lora/checkpoint"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// plainDecoder writes tokens as numbers.
type plainDecoder struct{}

func (plainDecoder) Add(id int32) string { return fmt.Sprint(id, " ") }
func (plainDecoder) Flush() string       { return "" }

// measured is resumable with evaluations after each second step, of rows that are not trained on, and probes after each
// third.
func measured(m *qwen2.Model, dir string) TrainConfig {
	c := resumable(m, dir)
	c.Eval = EvalOptions{Examples: append(partly(rows(m.Config.Vocab))[2:4], partly(rows(100))[2:]...), Steps: 2}
	c.Probe = ProbeOptions{Prompts: []ProbePrompt{{"a", []int32{1, 2, 3}}, {"b", []int32{4, 5, 6, 7, 8}}}, Steps: 3,
		MaxNewTokens: 4, Decoder: func() qwen2.Decoder { return plainDecoder{} }}
	return c
}

// seen is what observers are told of between steps, times and folders left out.
type seen struct {
	evals  []Evaluated
	probes []Probed
}

func (s *seen) observer() Observer {
	return Observer{OnEval: func(e Evaluated) error {
		e.Loss.Elapsed = 0
		if e.Lowest != nil {
			best := *e.Lowest
			best.Dir, best.Loss.Elapsed = filepath.Base(best.Dir), 0
			e.Lowest = &best
		}
		s.evals = append(s.evals, e)
		return nil
	}, OnProbe: func(p Probed) error { s.probes = append(s.probes, p); return nil }}
}

func sameValues(t *testing.T, what string, have, want map[string][]float32) {
	t.Helper()
	for key, x := range want {
		if !sameBits(x, have[key]) {
			t.Fatalf("%s: %s differs", what, key)
		}
	}
}

// What is measured between the steps changes nothing about them, and is what Evaluate and Generate say of the adapter
// of the time.
func TestMeasuringChangesNothing(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadModel(t, d, "model-tiny")
		want, logged, _ := train(t, context.Background(), m, resumable(m, ""))
		dir := t.TempDir()
		c, s := measured(m, dir), seen{}
		c.Save.Steps, c.Save.Limit = 2, 0
		c.Observers = []Observer{s.observer()}
		have, log, report := train(t, context.Background(), m, c)
		sameValues(t, "evaluations and probes", have, want)
		for i := range log {
			log[i].Between = 0
		}
		if !slices.Equal(log, logged) {
			t.Errorf("want the log\n%+v\nhave\n%+v", logged, log)
		}
		var at []int
		for _, e := range s.evals {
			at = append(at, e.Step)
		}
		var asked []string
		for _, p := range s.probes {
			asked = append(asked, fmt.Sprint(p.Step, p.Prompt))
		}
		if !slices.Equal(at, []int{0, 2, 4, 6, 8}) || !slices.Equal(asked, strings.Fields("0a 0b 3a 3b 6a 6b 8a 8b")) {
			t.Errorf("want evaluations after 0, 2, 4, 6 and 8 steps, probes after 0, 3, 6 and 8, have %v, %v", at, asked)
		}
		if report.Before.Loss != s.evals[0].EvalLoss || report.After.Loss != s.evals[4].EvalLoss {
			t.Errorf("want the first and the last loss in the report, have %+v", report)
		}
		for _, step := range []int{6, 8} {
			a := loadAdapter(t, m, checkpoint.Dir(dir, step))
			if e := evaluate(t, m, a, c.Eval.Examples, EvaluateOptions{Tokens: 512}); e.Loss != s.evals[step/2].EvalLoss {
				t.Errorf("step %d: want a loss of %v, have %v", step, e.Loss, s.evals[step/2].EvalLoss)
			}
			for i, p := range c.Probe.Prompts {
				session, err := m.NewSession(20, a.ForModel())
				if err != nil {
					t.Fatal(err)
				}
				g, err := session.Generate(context.Background(), p.IDs, qwen2.GenerateOptions{MaxNewTokens: 4,
					Decoder: plainDecoder{}})
				if have := s.probes[step/3*2+i]; err != nil || step == 6 && g.Text != have.Answer {
					t.Errorf("step %d: want the answer %q, have %+v, %v", step, g.Text, have, err)
				}
				if err := session.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// The best step and the end of a run are those of transformers: what its Trainer and EarlyStoppingCallback decided on
// these losses, one after each step of ten.
func TestBestAndEarlyStopping(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		losses     []float64
		patience   int
		threshold  float64
		stop, best int // stop 0: not before the end
	}{
		{[]float64{5, 4, 3, 2, 1, 1, 1, 1, 1, 1}, 0, 0, 0, 5},
		{[]float64{5, 4, 3, 2, 1, 1, 1, 1, 1, 1}, 2, 0, 7, 5},
		{[]float64{5, 6, 4, 4, 4, 3, 3, 3, 3, 3}, 3, 0, 9, 6},
		{[]float64{5, 6, 4.9, 4.8, 4.7, 3, 3, 3, 3, 3}, 3, 0.2, 4, 4},
		{[]float64{5, 4.8, 4.6, 4.4, 4.2, 4, 3.8, 3.6, 3.4, 3.2}, 1, 0.2, 4, 4},
		{[]float64{5, 4.75, 4.5, 4.25, 4, 3.75, 3.5, 3.25, 3, 3}, 1, 0.125, 10, 9},
		{[]float64{nan, 5, 6, 7, 1, 1, 1, 1, 1, 1}, 2, 0, 4, 2},
		{[]float64{nan, nan, nan, nan, 1, 1, 1, 1, 1, 1}, 2, 0, 3, 0},
		{[]float64{5, nan, 4, nan, nan, 3, 1, 1, 1, 1}, 2, 0, 5, 3},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 9}, 9, 0, 10, 1},
	} {
		r := &run{c: &TrainConfig{Eval: EvalOptions{Patience: c.patience, Threshold: c.threshold}}}
		stop := 0
		for i, x := range c.losses {
			e := Evaluated{Step: i + 1, Steps: 11, EvalLoss: x}
			if math.IsNaN(x) {
				e.Err = ErrNotFinite
			}
			if r.conclude(&e); r.state.Eval.Stopped {
				stop = e.Step
				break
			}
		}
		best := 0
		if b := r.state.Eval.Best; b != nil {
			best = b.Step
		}
		if stop != c.stop || best != c.best {
			t.Errorf("%v, patience %d, threshold %v: want a stop at %d and the best at %d, have %d and %d", c.losses,
				c.patience, c.threshold, c.stop, c.best, stop, best)
		}
	}
}

// rising is measured with a learning rate at which the loss over the rows kept for evaluation falls and rises again, so
// that the run ends early and its best step is not the last.
func rising(m *qwen2.Model, dir string) TrainConfig {
	c := measured(m, dir)
	c.LearningRate, c.Batches.Epochs = 6e-2, 8
	c.Eval.LoadBest, c.Eval.Patience = true, 3
	c.Save.Steps, c.Save.Limit = 5, 1
	return c
}

// A run that ends early leaves the adapter of its best step, and keeps the checkpoints of that and of its end, after
// which nothing is left to do.
func TestLoadBest(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadModel(t, d, "model-tiny")
		dir := t.TempDir()
		c, s := rising(m, dir), seen{}
		c.Observers = []Observer{s.observer()}
		have, _, report := train(t, context.Background(), m, c)
		lowest := s.evals[1]
		for _, e := range s.evals[1:] {
			if e.EvalLoss < lowest.EvalLoss {
				lowest = e
			}
		}
		if !report.StoppedEarly || report.Steps != lowest.Step+6 || report.AdapterStep != lowest.Step ||
			report.After.Loss != lowest.EvalLoss || report.Best.Step != lowest.Step || report.BestErr != nil {
			t.Fatalf("want an end three evaluations after step %d, have %+v\nof %+v", lowest.Step, report, s.evals)
		}
		if last := s.probes[len(s.probes)-1]; last.Step != report.Steps {
			t.Errorf("want a probe at the end, have the last after step %d", last.Step)
		}
		kept, err := checkpoint.List(dir)
		if err != nil || len(kept) != 2 || kept[0].Step != lowest.Step || kept[1].Step != report.Steps {
			t.Fatalf("want the checkpoints of steps %d and %d, have %v, %v", lowest.Step, report.Steps, kept, err)
		}
		sameValues(t, "the best", values(t, loadAdapter(t, m, kept[0].Dir)), have)
		if !Finished(kept[1].Dir) || Finished(kept[0].Dir) {
			t.Error("want the last checkpoint finished and the best not")
		}
		c.Resume, c.Observers = kept[1].Dir, []Observer{{OnPlan: func(p Plan) error {
			if !p.Ended || p.Best.Step != lowest.Step {
				t.Errorf("want a run that has ended, have %+v", p)
			}
			return nil
		}, OnEval: func(Evaluated) error { return errors.New("want no evaluation") }}}
		again, _, report := train(t, context.Background(), m, c)
		sameValues(t, "resumed after the end", again, have)
		if !report.StoppedEarly || report.AdapterStep != lowest.Step {
			t.Errorf("resumed after the end: have %+v", report)
		}
	})
}

// A run that is interrupted after any step, in an evaluation or in an answer goes on to the same adapters, evaluations,
// answers, best step and end.
func TestResumeMeasured(t *testing.T) {
	m := loadModel(t, devtest.CPU(t), "model-tiny")
	var whole seen
	c := rising(m, t.TempDir())
	c.Observers = []Observer{whole.observer()}
	want, logged, report := train(t, context.Background(), m, c)
	for moment, stops := range map[string][]int{"step": {1, 4, 7, 9}, "evaluation": {4, 6, 10}, "answer": {3, 6, 10}} {
		for _, stop := range stops {
			dir, s := t.TempDir(), seen{}
			ctx, cancel := context.WithCancel(context.Background())
			c := rising(m, dir)
			step := 0
			c.Observers = []Observer{{OnStep: func(p Progress) error {
				if step = p.Step; moment == "step" && p.Step == stop {
					cancel()
				}
				return nil
			}}, s.observer()}
			c.Eval.OnBatch = func(Evaluation) error {
				if moment == "evaluation" && step == stop {
					cancel()
				}
				return nil
			}
			decoder := c.Probe.Decoder
			c.Probe.Decoder = func() qwen2.Decoder {
				if moment == "answer" && step == stop {
					cancel()
				}
				return decoder()
			}
			_, first, r := train(t, ctx, m, c)
			cancel()
			if !r.Interrupted || r.Steps != stop {
				t.Fatalf("%s, step %d: want an interruption, have %+v", moment, stop, r)
			}
			c = rising(m, dir)
			c.Resume, c.Observers = r.Checkpoint, []Observer{s.observer()}
			have, second, r := train(t, context.Background(), m, c)
			what := fmt.Sprintf("interrupted in the %s after step %d", moment, stop)
			sameValues(t, what, have, want)
			if !reflect.DeepEqual(s, whole) {
				t.Fatalf("%s: want\n%+v\nhave\n%+v", what, whole, s)
			}
			if r.Steps != report.Steps || r.AdapterStep != report.AdapterStep || !r.StoppedEarly {
				t.Errorf("%s: want %+v, have %+v", what, report, r)
			}
			if !Finished(r.Checkpoint) {
				t.Errorf("%s: want the last checkpoint to say that nothing is left to do", what)
			}
			if all := append(first, second...); len(all) != len(logged) {
				t.Errorf("%s: want %d lines logged, have %d", what, len(logged), len(all))
			}
		}
	}
}

// What the result depends on is refused when it is changed, what is only measured is not.
func TestResumeMeasuredRefuses(t *testing.T) {
	m := loadModel(t, devtest.CPU(t), "model-tiny")
	dir := t.TempDir()
	train(t, context.Background(), m, rising(m, dir))
	kept, err := checkpoint.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(c *TrainConfig){
		"early_stopping_patience: want 3, have 4":       func(c *TrainConfig) { c.Eval.Patience = 4 },
		"early_stopping_threshold: want 0, have 0.5":    func(c *TrainConfig) { c.Eval.Threshold = 0.5 },
		"load_best_model_at_end: want true, have false": func(c *TrainConfig) { c.Eval.LoadBest = false },
		"eval_steps: want 2, have 1":                    func(c *TrainConfig) { c.Eval.Steps = 1 },
		"eval_steps: want 2, have epochs":               func(c *TrainConfig) { c.Eval.Epochs = true },
		"per_device_eval_batch_size: want 0, have 2":    func(c *TrainConfig) { c.Eval.Rows = 2 },
		"eval rows: want 6 rows":                        func(c *TrainConfig) { c.Eval.Examples = c.Eval.Examples[1:] },
	} {
		c := rising(m, dir)
		c.Resume = kept[0].Dir
		change(&c)
		_, err := Train(context.Background(), m, newAdapterFor(t, m, 0.1), c)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, have %v", want, err)
		}
	}
	c := rising(m, dir)
	c.Resume, c.Probe = kept[0].Dir, ProbeOptions{}
	train(t, context.Background(), m, c)

	dir = t.TempDir()
	c = measured(m, dir)
	train(t, context.Background(), m, c)
	c.Resume, c.Eval.Steps, c.Eval.Rows, c.Probe.Steps = checkpoint.Dir(dir, 6), 1, 2, 1
	train(t, context.Background(), m, c)
}

// The checkpoint of the best step is looked for where a run goes on; where it is gone the search begins anew, unless
// the run has ended.
func TestBestIsGone(t *testing.T) {
	m := loadModel(t, devtest.CPU(t), "model-tiny")
	dir := t.TempDir()
	c := rising(m, dir)
	c.Save.Limit, c.Save.Steps = 0, 1
	want, _, report := train(t, context.Background(), m, c)
	best := report.Best.Step
	c.Resume = checkpoint.Dir(dir, best+1)
	c.Save.Dir = t.TempDir() // the best stays where it was
	have, _, moved := train(t, context.Background(), m, c)
	sameValues(t, "moved", have, want)
	if moved.BestErr != nil || moved.AdapterStep != best {
		t.Errorf("want the adapter of step %d, have %+v", best, moved)
	}
	if err := checkpoint.Remove(checkpoint.Dir(dir, best)); err != nil {
		t.Fatal(err)
	}
	lost := ""
	c.Save.Dir, c.Observers = t.TempDir(), []Observer{{OnPlan: func(p Plan) error { lost = p.BestLost; return nil }}}
	_, _, anew := train(t, context.Background(), m, c)
	if lost != checkpoint.Dir(dir, best) || anew.Best.Step <= best || anew.AdapterStep != anew.Best.Step {
		t.Errorf("want a search anew after step %d, have %+v and %q", best, anew, lost)
	}
	c.Resume = report.Checkpoint
	_, _, ended := train(t, context.Background(), m, c)
	if lost != "" || ended.Best == nil || ended.Best.Step != best || ended.BestErr == nil {
		t.Errorf("ended: want to be told that the best, step %d, is gone, have %+v and %q", best, ended, lost)
	}
}

// A loss that is not finite is told of and ends nothing.
func TestEvaluationNotFinite(t *testing.T) {
	m := loadModel(t, devtest.CPU(t), "model-tiny")
	c := rising(m, t.TempDir())
	c.MaxSkipped = 100
	a := newAdapterFor(t, m, 0.1)
	x := make([]float32, a.params[1].Len())
	x[0] = float32(math.NaN())
	if err := a.params[1].WriteFloats(x); err != nil {
		t.Fatal(err)
	}
	n := 0
	c.Observers = []Observer{{OnEval: func(e Evaluated) error {
		if n++; !errors.Is(e.Err, ErrNotFinite) || !math.IsNaN(e.EvalLoss) || e.Best || e.Lowest != nil {
			t.Errorf("want no loss, have %+v", e)
		}
		return nil
	}}}
	r, err := Train(context.Background(), m, a, c)
	if err != nil || n != 5 || r.Steps != 8 || !r.StoppedEarly || r.Best != nil || r.After != nil {
		t.Errorf("want an end after four evaluations without a loss, have %d and %+v, %v", n, r, err)
	}
}

func TestBetweenRefuses(t *testing.T) {
	m := loadModel(t, devtest.CPU(t), "model-tiny")
	long := make([]int32, m.Positions())
	for want, change := range map[string]func(c *TrainConfig){
		"want numbers of at least 0":    func(c *TrainConfig) { c.Eval.Patience = -1 },
		"have none":                     func(c *TrainConfig) { c.Eval = EvalOptions{LoadBest: true} },
		"want a folder for checkpoints": func(c *TrainConfig) { c.Eval.LoadBest, c.Save.Dir = true, "" },
		"want a supervised token": func(c *TrainConfig) {
			c.Eval.Examples[0].Labels = nil
			c.Eval.Examples = c.Eval.Examples[:1]
			c.Eval.Examples[0].IDs = nil
		},
		"want a prompt of at least one":    func(c *TrainConfig) { c.Probe.Prompts[1].IDs = nil },
		"tokens that the model was loaded": func(c *TrainConfig) { c.Probe.Prompts[1].IDs = long },
		"want at least 1 new token":        func(c *TrainConfig) { c.Probe.MaxNewTokens = 0 },
		"token ids in [0":                  func(c *TrainConfig) { c.Probe.Prompts[0].IDs = []int32{int32(m.Config.Vocab)} },
	} {
		c := measured(m, t.TempDir())
		change(&c)
		_, err := Train(context.Background(), m, newAdapterFor(t, m, 0), c)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, have %v", want, err)
		}
	}
}
