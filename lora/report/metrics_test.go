package report

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vulora/vulora/lora"
)

// A skipped step has no numbers, and the log goes on after it.
func TestLogOfSkippedStep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	m := &Metrics{Path: path}
	if err := m.Begin(Run{}); err != nil {
		t.Fatal(err)
	}
	defer m.End(End{})
	for _, p := range []lora.Progress{{Step: 1, Loss: math.NaN(), GradNorm: math.Inf(1)}, {Step: 2, Loss: 0.5}} {
		if err := m.log(p); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"step":1,"epoch":0,"loss":null,"grad_norm":null`, `"step":2,"epoch":0,"loss":0.5`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("want %s, have %s", want, text)
		}
	}
}
