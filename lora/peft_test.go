package lora

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vulora/vulora/autograd"
	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/devtest"
)

// python returns a Python that has PEFT: $VULORA_PYTHON or python3.
func python() (string, bool) {
	name := os.Getenv("VULORA_PYTHON")
	if name == "" {
		name = "python3"
	}
	return name, exec.Command(name, "-c", "import peft, transformers, torch").Run() == nil
}

// An adapter trained here loads in PEFT and gives the same logits there. That PEFT's adapters load here is shown by the
// goldens, which PEFT wrote.
func TestPEFTLoadsOurAdapter(t *testing.T) {
	name, ok := python()
	if !ok {
		if os.Getenv("VULORA_PYTHON") != "" {
			t.Fatalf("VULORA_PYTHON=%s cannot import peft, transformers and torch", name)
		}
		t.Skip("NOT TESTED AGAINST PEFT: python3 has no peft; set VULORA_PYTHON to one that has")
	}
	d := devtest.CPU(t)
	for _, model := range []string{"model-tiny", "model-untied-sharded"} {
		t.Run(model, func(t *testing.T) {
			m := loadModel(t, d, model)
			a, r := newAdapterFor(t, m, 0), rows(m.Config.Vocab)
			batches := [][]data.Example{r[:2], r[2:5]}
			tr, err := newTrainer(m, a, TrainerOptions{Optimizer: adamW}, slices.Values(batches))
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			for range 3 {
				if _, err := tr.Step(batches, 30, 5e-3); err != nil {
					t.Fatal(err)
				}
			}
			dir := filepath.Join(t.TempDir(), "adapter")
			if err := a.Save(dir, peft.Card{}); err != nil {
				t.Fatal(err)
			}
			s := sequence{IDs: r[5].IDs}
			p := newPass(t, m, s, 1)
			ours := p.run(t, func(tape *autograd.Tape) *tensor.Value { return p.logits(tape, a) })
			args := []string{filepath.Join("testdata", "peft_logits.py"), filepath.Join(golden(model), "model"), dir}
			for _, id := range s.IDs {
				args = append(args, fmt.Sprint(id))
			}
			c := exec.Command(name, args...)
			c.Env = append(os.Environ(), "HF_HUB_OFFLINE=1")
			c.Stderr = os.Stderr
			out, err := c.Output()
			if err != nil {
				t.Fatal(err)
			}
			var theirs []float64
			if err := json.Unmarshal(out, &theirs); err != nil {
				t.Fatal(err)
			}
			if len(theirs) != len(ours) {
				t.Fatalf("want %d logits, have %d", len(theirs), len(ours))
			}
			for i, w := range theirs {
				if !(math.Abs(float64(ours[i])-w) <= 2e-5+1e-4*math.Abs(w)) {
					t.Fatalf("logit %d: PEFT has %v, we have %v", i, w, ours[i])
				}
			}
		})
	}
}
