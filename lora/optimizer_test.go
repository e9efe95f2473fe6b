package lora

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vulora/vulora/lora/checkpoint"
	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// rules are the optimizers with what changes how they are laid out, and the states that a checkpoint has of them.
var rules = map[string]struct {
	o      TrainerOptions
	states []string
}{
	"sgd": {o: TrainerOptions{Optimizer: Optimizer{Name: "sgd", WeightDecay: 0.1}}},
	"sgd with dampened momentum": {TrainerOptions{Optimizer: Optimizer{Name: "sgd", MaxGradNorm: 1,
		Args: map[string]string{"momentum": "0.9", "dampening": "0.5"}}}, []string{"momentum_buffer"}},
	"lion": {TrainerOptions{Optimizer: Optimizer{Name: "lion_32bit", Beta1: 0.9, Beta2: 0.99, LoRAPlusRatio: 4}},
		[]string{"exp_avg"}},
	"adafactor": {TrainerOptions{Optimizer: Optimizer{Name: "adafactor", WeightDecay: 0.1, MaxGradNorm: 1}},
		[]string{"exp_avg_sq_row", "exp_avg_sq_col"}},
	"adafactor with momentum": {TrainerOptions{Optimizer: Optimizer{Name: "adafactor", LoRAPlusRatio: 2,
		Args: map[string]string{"beta1": "0.9", "scale_parameter": "true"}}},
		[]string{"exp_avg_sq_row", "exp_avg_sq_col", "exp_avg"}},
	"adamw with LoRA+ and noise": {TrainerOptions{Optimizer: Optimizer{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8,
		LoRAPlusRatio: 16}, NEFTuneAlpha: 5}, []string{"exp_avg", "exp_avg_sq"}},
}

// Every optimizer trains, goes on from a checkpoint bit for bit, and is not taken for another.
func TestOptimizersResume(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadModel(t, d, "model-tiny")
		for name, r := range rules {
			t.Run(name, func(t *testing.T) {
				dir := t.TempDir()
				c := resumable(m, dir)
				c.TrainerOptions, c.Save.Limit = r.o, 0
				c.Seed = 3
				want, _, whole := train(t, context.Background(), m, c)
				if !(whole.Loss > 0) || whole.Skipped > 0 {
					t.Fatalf("want a loss and no skipped steps, have %+v", whole)
				}
				from := checkpoint.Dir(dir, 3)
				checkStates(t, m, from, r.states)
				again := c
				again.Resume, again.Save = from, SaveOptions{}
				have, _, _ := train(t, context.Background(), m, again)
				for key, x := range want {
					if !sameBits(x, have[key]) {
						t.Fatalf("%s differs after going on", key)
					}
				}
				again.Optimizer = adamW
				_, err := Train(context.Background(), m, newAdapterFor(t, m, 0.1), again)
				if err == nil || !strings.Contains(err.Error(), differing(r.o)) {
					t.Errorf("with another optimizer: want an error with %q, have %v", differing(r.o), err)
				}
			})
		}
	})
}

func differing(o TrainerOptions) string {
	if o.Name == "" {
		return "loraplus_lr_ratio: want 16, have 1"
	}
	return "optim: want " + o.Name + ", have adamw_torch"
}

// checkStates wants a tensor of each state for each parameter, and that most are not zero.
func checkStates(t *testing.T, m *qwen2.Model, dir string, states []string) {
	t.Helper()
	f, err := safetensors.Open(filepath.Join(dir, momentsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	keys := newAdapterFor(t, m, 0).layout.slots
	if have := f.Names(); len(have) != len(states)*len(keys) {
		t.Errorf("want %d states of %d parameters, have %d tensors", len(states), len(keys), len(have))
	}
	for _, s := range states {
		for _, k := range keys {
			x, ok := f.Tensor(s + "." + k.key)
			if !ok {
				t.Fatalf("no %s.%s", s, k.key)
			}
			v := make([]float32, len(x.Data)/4)
			if err := safetensors.Floats(x, v); err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(v, func(x float32) bool { return x != 0 }) && !strings.Contains(k.key, "k_proj.base") {
				t.Errorf("%s.%s is zero after three steps", s, k.key) // softmax does not see the bias of k
			}
		}
	}
}

// LoRA+ multiplies the learning rate of B and of biases, and no other.
func TestLoRAPlus(t *testing.T) {
	const ratio = 4
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadModel(t, d, "model-tiny")
		change := func(ratio float64) (map[string][]float32, *Adapter) {
			a := newAdapterFor(t, m, 0)
			for i, s := range a.layout.slots { // with B = 0, A has no gradient
				x := make([]float32, s.spec.Len())
				for j := range x {
					x[j] = 0.01 * float32((3*j+i)%7-3)
				}
				if err := a.params[i].WriteFloats(x); err != nil {
					t.Fatal(err)
				}
			}
			before := values(t, a)
			b := rows(m.Config.Vocab)[:2]
			o := TrainerOptions{Optimizer: Optimizer{Name: "sgd", LoRAPlusRatio: ratio}}
			tr, err := newTrainer(m, a, o, slices.Values([][]data.Example{b}))
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			if _, err := tr.Step([][]data.Example{b}, 10, 1e-3); err != nil {
				t.Fatal(err)
			}
			after := values(t, a)
			for key, x := range after {
				for i := range x {
					x[i] -= before[key][i]
				}
			}
			return after, a
		}
		plain, a := change(0)
		plus, _ := change(ratio)
		for key, x := range plain {
			want := float64(ratio)
			if _, part, _ := peft.ParseKey(key); part == peft.PartA {
				want = 1
			}
			for i := range x {
				// The changes are differences of values below 0.04, each rounded to 2⁻²⁹.
				if e := math.Abs(float64(plus[key][i]) - want*float64(x[i])); e > (1+want)/(1<<28) {
					t.Fatalf("%s: element %d changes by %g with a ratio of %d, by %g without", key, i, plus[key][i], ratio, x[i])
				}
			}
		}
		if a.layout.second == 0 || len(plain) == 0 {
			t.Fatal("nothing to compare")
		}
	})
}
