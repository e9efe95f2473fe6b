package lora

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// trajectory is what transformers.Trainer wrote of a run.
type trajectory struct {
	Arguments struct {
		BatchSize    int     `json:"per_device_train_batch_size"`
		Accumulation int     `json:"gradient_accumulation_steps"`
		Epochs       float64 `json:"num_train_epochs"`
		LearningRate float64 `json:"learning_rate"`
		MaxGradNorm  float64 `json:"max_grad_norm"`
		WeightDecay  float64 `json:"weight_decay"`
		Scheduler    string  `json:"lr_scheduler_type"`
		Warmup       float64 `json:"warmup_steps"`
		Seed         int64   `json:"seed"`
		DataSeed     *int64  `json:"data_seed"`
		Checkpoint   bool    `json:"gradient_checkpointing"`
	} `json:"training_arguments"`
	Optimizer struct {
		Groups []struct {
			Betas [2]float64 `json:"betas"`
			Eps   float64    `json:"eps"`
		}
	}
	Steps []struct {
		Step         int
		Loss         float64
		GradNorm     float64 `json:"grad_norm"`
		LearningRate float64 `json:"learning_rate"`
	}
}

func (j trajectory) config(rows []data.Example) TrainConfig {
	a := j.Arguments
	beta1, beta2, eps := 0.9, 0.999, 1e-8 // the Trainer's, where the file does not repeat them
	if len(j.Optimizer.Groups) > 0 {
		g := j.Optimizer.Groups[0]
		beta1, beta2, eps = g.Betas[0], g.Betas[1], g.Eps
	}
	c := TrainConfig{Examples: rows, LearningRate: a.LearningRate, Scheduler: a.Scheduler, Warmup: a.Warmup}
	c.Batches = data.Schedule{BatchSize: a.BatchSize, Accumulation: a.Accumulation, Epochs: a.Epochs, Seed: a.Seed,
		Shuffle: true}
	if a.DataSeed != nil {
		c.Batches.Seed = *a.DataSeed
	}
	c.Optimizer = Optimizer{Beta1: beta1, Beta2: beta2, Eps: eps, WeightDecay: a.WeightDecay, MaxGradNorm: a.MaxGradNorm}
	c.Recompute = a.Checkpoint
	return c
}

// A QLoRA run: like a plain one, on a 4-bit base.
func TestGoldenQLoRATrajectory(t *testing.T) {
	dir := golden("qlora-trajectory")
	var about struct{ Checkpoint string }
	readJSON(t, filepath.Join(dir, "case.json"), &about)
	var set struct{ Rows []sequence }
	readJSON(t, filepath.Join(dir, "dataset.json"), &set)
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadModel(t, d, filepath.Dir(filepath.FromSlash(about.Checkpoint)))
		goldenRun(t, m, dir, dir, examples(set.Rows))
	})
}

// trajectories returns the folder of runs on a plain base, the files of their trajectories, and the rows of all.
func trajectories(t *testing.T) (dir string, runs []string, rows []data.Example) {
	t.Helper()
	dir = golden("train-trajectory")
	runs, err := filepath.Glob(filepath.Join(dir, "*", "trajectory.json"))
	if err != nil || len(runs) == 0 {
		t.Fatalf("no runs in %s: %v", dir, err)
	}
	var set struct{ Rows []sequence }
	readJSON(t, filepath.Join(dir, "dataset.json"), &set)
	return dir, runs, examples(set.Rows)
}

func TestGoldenTrainTrajectory(t *testing.T) {
	dir, runs, rows := trajectories(t)
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadModel(t, d, "model-tiny")
		for _, path := range runs {
			run := filepath.Dir(path)
			t.Run(filepath.Base(run), func(t *testing.T) { goldenRun(t, m, dir, run, rows) })
		}
	})
}

func goldenRun(t *testing.T, m *qwen2.Model, dir, run string, rows []data.Example) {
	var want trajectory
	readJSON(t, filepath.Join(run, "trajectory.json"), &want)
	a := loadAdapter(t, m, filepath.Join(dir, "adapter_init"))
	initial := values(t, a)
	c := want.config(rows)
	onStep := func(p Progress) error {
		w := want.Steps[p.Step-1]
		loss, norm := 2e-4, 1e-3
		if p.Step == 1 {
			loss, norm = 1e-5, 1e-5
		}
		if !(math.Abs(p.Loss-w.Loss) <= loss) {
			t.Errorf("step %d: want loss %v, have %v", p.Step, w.Loss, p.Loss)
		}
		if !(math.Abs(p.GradNorm-w.GradNorm) <= norm*w.GradNorm) {
			t.Errorf("step %d: want gradient norm %v, have %v", p.Step, w.GradNorm, p.GradNorm)
		}
		if math.Abs(p.LearningRate-w.LearningRate) > 1e-12*c.LearningRate {
			t.Errorf("step %d: want learning rate %v, have %v", p.Step, w.LearningRate, p.LearningRate)
		}
		if path := filepath.Join(run, fmt.Sprintf("adapter_step_%d.safetensors", p.Step)); p.Step == 1 && exists(path) {
			compareFirstStep(t, path, values(t, a))
		}
		return nil
	}
	c.Observers = []Observer{{OnStep: onStep}}
	report, err := Train(context.Background(), m, a, c)
	if err != nil {
		t.Fatal(err)
	}
	if report.Steps != len(want.Steps) {
		t.Errorf("want %d steps, have %d", len(want.Steps), report.Steps)
	}
	if path := filepath.Join(run, "adapter_last.safetensors"); exists(path) {
		ref := openGolden(t, path)
		for key, x := range values(t, a) {
			if r := relative(x, floats(t, ref, key), initial[key]); !(r <= 1e-2) {
				t.Errorf("adapter_last: %s: relative distance %.3g, want at most 1e-2", key, r)
			}
		}
	}
}

// compareFirstStep compares B, whose first change is lr·sign(g): a few elements with a gradient about zero may differ.
func compareFirstStep(t *testing.T, path string, have map[string][]float32) {
	t.Helper()
	ref := openGolden(t, path)
	off, n := 0, 0
	for key, x := range have {
		if filepath.Ext(key[:len(key)-len(".weight")]) != ".lora_B" {
			continue
		}
		for i, w := range floats(t, ref, key) {
			n++
			if !(math.Abs(float64(x[i]-w)) <= 1e-6) {
				off++
			}
		}
	}
	if n == 0 || off > n/500 {
		t.Errorf("adapter_step_1: %d of %d elements of B are off by more than 1e-6", off, n)
	}
}

func values(t *testing.T, a *Adapter) map[string][]float32 {
	t.Helper()
	all, err := a.layout.tensors(a.slab)
	if err != nil {
		t.Fatal(err)
	}
	f := map[string][]float32{}
	for i, s := range a.layout.slots {
		x := make([]float32, s.spec.Len())
		if err := a.params[i].ReadFloats(x); err != nil {
			t.Fatal(err)
		}
		f[all[i].Name] = x
	}
	return f
}
