package lora

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vulora/vulora/lora/checkpoint"
	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// resumable is a run with everything that a checkpoint must carry: dropout, accumulation, a short last group, trained
// biases, weight decay, warm-up and several epochs. It has eight steps.
func resumable(m *qwen2.Model, dir string) TrainConfig {
	return TrainConfig{
		TrainerOptions: TrainerOptions{Optimizer: adamW, Seed: 3},
		Examples:       rows(m.Config.Vocab),
		Batches:        data.Schedule{BatchSize: 2, Accumulation: 2, Epochs: 4, Seed: 5, Shuffle: true},
		LearningRate:   1e-3, Scheduler: "cosine", Warmup: 2, LoggingSteps: 3,
		Save: SaveOptions{Dir: dir, Steps: 3, Limit: 2},
	}
}

// train trains a new adapter and returns its values and what was logged.
func train(t *testing.T, ctx context.Context, m *qwen2.Model, c TrainConfig) (map[string][]float32, []Progress,
	TrainReport) {
	t.Helper()
	a := newAdapterFor(t, m, 0.1)
	var logged []Progress
	c.Observers = append(c.Observers, Observer{OnLog: func(p Progress) error {
		p.Elapsed = 0
		logged = append(logged, p)
		return nil
	}})
	report, err := Train(ctx, m, a, c)
	if err != nil {
		t.Fatal(err)
	}
	return values(t, a), logged, report
}

// A run that is interrupted after any step and goes on becomes, bit for bit, what it would have been, log included.
func TestResumeIsExact(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadModel(t, d, "model-tiny")
		want, logged, whole := train(t, context.Background(), m, resumable(m, ""))
		if whole.Steps != 8 {
			t.Fatalf("want 8 steps, have %d", whole.Steps)
		}
		for stop := 1; stop < 8; stop++ {
			dir := t.TempDir()
			c := resumable(m, dir)
			ctx, cancel := context.WithCancel(context.Background())
			c.Observers = []Observer{{OnStep: func(p Progress) error {
				if p.Step == stop {
					cancel()
				}
				return nil
			}}}
			_, first, report := train(t, ctx, m, c)
			if !report.Interrupted || report.Checkpoint != checkpoint.Dir(dir, stop) {
				t.Fatalf("stopped at step %d: have %+v", stop, report)
			}
			c = resumable(m, dir)
			c.Resume = report.Checkpoint
			have, second, report := train(t, context.Background(), m, c)
			if report.Steps != 8 || report.Tokens != whole.Tokens || report.Loss != whole.Loss {
				t.Errorf("stopped at step %d: want %+v in all, have %+v", stop, whole, report)
			}
			if all := append(first, second...); !slices.Equal(all, logged) {
				t.Errorf("stopped at step %d: want the log\n%+v\nhave\n%+v", stop, logged, all)
			}
			for key, x := range want {
				if !sameBits(x, have[key]) {
					t.Fatalf("stopped at step %d: %s differs", stop, key)
				}
			}
		}
	})
}

// Checkpoints are adapters that load, the newest are kept, and one of the last step gives the finished adapter back.
func TestCheckpoints(t *testing.T) {
	d := devtest.CPU(t)
	m := loadModel(t, d, "model-tiny")
	dir := t.TempDir()
	c := resumable(m, dir)
	c.Save.Card = func(int) peft.Card { return peft.Card{Program: "test"} }
	var saved []Saved
	c.Observers = []Observer{{OnSaved: func(s Saved) error { saved = append(saved, s); return nil },
		OnSave: func(dir string, p Progress) error {
			return os.WriteFile(filepath.Join(dir, "more.txt"), []byte("more"), 0o666)
		}}}
	want, _, _ := train(t, context.Background(), m, c)
	if len(saved) != 3 || saved[0].Step != 3 || saved[1].Step != 6 || saved[2].Step != 8 {
		t.Errorf("want checkpoints after 3, 6 and 8 steps, have %+v", saved)
	}
	found, err := checkpoint.List(dir)
	if err != nil || len(found) != 2 || found[0].Step != 6 || found[1].Step != 8 {
		t.Fatalf("want those of 6 and 8 steps kept, have %v, %v", found, err)
	}
	if b, err := os.ReadFile(filepath.Join(found[0].Dir, "more.txt")); err != nil || string(b) != "more" {
		t.Errorf("the observer's file: %q, %v", b, err)
	}
	for key, x := range values(t, loadAdapter(t, m, found[1].Dir)) {
		if !sameBits(x, want[key]) {
			t.Errorf("%s: the last checkpoint differs from the result", key)
		}
	}
	c.Resume, c.Observers = found[1].Dir, nil
	have, _, report := train(t, context.Background(), m, c)
	if report.Steps != 8 {
		t.Errorf("want 8 steps, have %d", report.Steps)
	}
	for key, x := range want {
		if !sameBits(x, have[key]) {
			t.Errorf("%s differs after going on from the last step", key)
		}
	}
}

func TestResumeRefuses(t *testing.T) {
	d := devtest.CPU(t)
	m := loadModel(t, d, "model-tiny")
	dir := t.TempDir()
	made := resumable(m, dir)
	made.Save.Limit, made.RowSettings = 0, map[string]string{"max_length": "20"}
	train(t, context.Background(), m, made)
	from := checkpoint.Dir(dir, 3)
	for name, c := range map[string]struct {
		change func(c *TrainConfig)
		want   []string
	}{
		"rate":  {func(c *TrainConfig) { c.LearningRate = 2e-3 }, []string{"learning_rate: want 0.001, have 0.002"}},
		"steps": {func(c *TrainConfig) { c.Batches.MaxSteps = 9 }, []string{"max_steps): want 8, have 9"}},
		"several": {func(c *TrainConfig) { c.Seed, c.WeightDecay = 4, 0.5 },
			[]string{"seed: want 3, have 4", "weight_decay: want 0.01, have 0.5"}},
		"data": {func(c *TrainConfig) {
			c.Examples = slices.Clone(c.Examples)
			c.Examples[2] = c.Examples[1]
			c.RowSettings = map[string]string{"max_length": "19"}
		}, []string{"max_length: want 20, have 19", "rows: want 6 rows, sha256"}},
		"more": {func(c *TrainConfig) { c.Settings = map[string]string{"base": "x"} },
			[]string{"base: want nothing, have x"}},
	} {
		t.Run(name, func(t *testing.T) {
			again := made
			again.Resume = from
			c.change(&again)
			a := newAdapterFor(t, m, 0.1)
			_, err := Train(context.Background(), m, a, again)
			for _, w := range c.want {
				if err == nil || !strings.Contains(err.Error(), w) {
					t.Errorf("want an error with %q, have %v", w, err)
				}
			}
		})
	}
	again := made
	again.Resume, again.LoggingSteps, again.Save.Steps, again.Save.Limit = from, 1, 1, 1
	again.RowSettings = map[string]string{"max_length": "21"} // the same rows all the same
	train(t, context.Background(), m, again)

	path := filepath.Join(checkpoint.Dir(dir, 8), momentsFile)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	again.Resume = checkpoint.Dir(dir, 8)
	_, err = Train(context.Background(), m, newAdapterFor(t, m, 0.1), again)
	if !errors.Is(err, checkpoint.ErrDamaged) {
		t.Errorf("a changed byte: want ErrDamaged, have %v", err)
	}
}

// Steps that are not finite are skipped up to a number in a row.
func TestSkippedSteps(t *testing.T) {
	d := devtest.CPU(t)
	m := loadModel(t, d, "model-tiny")
	a := newAdapterFor(t, m, 0.1)
	x := make([]float32, a.params[1].Len())
	x[0] = float32(math.NaN())
	if err := a.params[1].WriteFloats(x); err != nil {
		t.Fatal(err)
	}
	before := values(t, a)
	c := resumable(m, "")
	c.MaxSkipped = 2
	var skips []Skip
	c.Observers = []Observer{{OnSkip: func(s Skip) error { skips = append(skips, s); return nil },
		OnStep: func(Progress) error { return errors.New("want no step that counts") }}}
	_, err := Train(context.Background(), m, a, c)
	if !errors.Is(err, ErrNotFinite) || len(skips) != 3 || skips[2].InARow != 3 || skips[2].Step != 3 {
		t.Errorf("want an end after three skipped steps, have %+v and %v", skips, err)
	}
	for key, x := range values(t, a) {
		if !sameBits(x, before[key]) {
			t.Errorf("%s changed", key)
		}
	}
}

// A run that goes on from an older checkpoint keeps what it writes, though there are checkpoints of later steps.
func TestRotationKeepsWhatWasJustSaved(t *testing.T) {
	m := loadModel(t, devtest.CPU(t), "model-tiny")
	dir := t.TempDir()
	c := resumable(m, dir)
	c.Save.Steps, c.Save.Limit = 2, 0
	train(t, context.Background(), m, c)
	ctx, cancel := context.WithCancel(context.Background())
	c.Resume, c.Save.Limit = checkpoint.Dir(dir, 2), 2
	c.Observers = []Observer{{OnStep: func(p Progress) error {
		if p.Step == 3 {
			cancel()
		}
		return nil
	}}}
	_, _, r := train(t, ctx, m, c)
	if err := checkpoint.Verify(r.Checkpoint); err != nil {
		t.Errorf("%+v: %v", r, err)
	}
}

// A run that is interrupted before its first new step has the checkpoint that it came from, however that is spelled.
func TestInterruptedBeforeNewStep(t *testing.T) {
	m := loadModel(t, devtest.CPU(t), "model-tiny")
	dir := t.TempDir()
	c := resumable(m, dir)
	train(t, context.Background(), m, c)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c.Resume = checkpoint.Dir(dir, 6) + "/"
	if _, _, r := train(t, ctx, m, c); r.Checkpoint != checkpoint.Dir(dir, 6) {
		t.Errorf("want the checkpoint of step 6, have %+v", r)
	}
}

// A run that ends because too many steps are skipped saves the steps before them.
func TestSkippedStepsKeepTheWork(t *testing.T) {
	m := loadModel(t, devtest.CPU(t), "model-tiny")
	dir := t.TempDir()
	c := resumable(m, dir)
	c.Save.Steps = 100
	a := newAdapterFor(t, m, 0.1)
	c.Observers = []Observer{{OnStep: func(p Progress) error {
		if p.Step < 4 {
			return nil
		}
		x := make([]float32, a.params[1].Len())
		x[0] = float32(math.NaN()) // stands for rows that overflow
		return a.params[1].WriteFloats(x)
	}}}
	if _, err := Train(context.Background(), m, a, c); !errors.Is(err, ErrNotFinite) {
		t.Fatal(err)
	}
	if found, _, err := checkpoint.Newest(dir); found == nil || err != nil {
		t.Errorf("want a checkpoint, have %v, %v", found, err)
	}
}

func TestResumeRefusesOtherSchedulerArgs(t *testing.T) {
	m := loadModel(t, devtest.CPU(t), "model-tiny")
	dir := t.TempDir()
	c := resumable(m, dir)
	c.Scheduler, c.SchedulerArgs = "polynomial", map[string]any{"power": 2.0}
	train(t, context.Background(), m, c)
	c.SchedulerArgs, c.Resume = map[string]any{"power": 3.0}, checkpoint.Dir(dir, 6)
	_, err := Train(context.Background(), m, newAdapterFor(t, m, 0.1), c)
	if err == nil || !strings.Contains(err.Error(), "lr_scheduler_kwargs") {
		t.Errorf("want lr_scheduler_kwargs refused, have %v", err)
	}
}
