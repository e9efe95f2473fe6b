package lora

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vulora/vulora/autograd"
	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

func merge(t *testing.T, base, adapter string, o MergeOptions) (string, *MergeReport) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "merged")
	r, err := Merge(context.Background(), base, adapter, out, o)
	if err != nil {
		t.Fatal(err)
	}
	return out, r
}

// logits returns those of a sequence.
func logits(t *testing.T, m *qwen2.Model, a *Adapter, s sequence) []float32 {
	t.Helper()
	p := newPass(t, m, s, 1)
	return p.run(t, func(tape *autograd.Tape) *tensor.Value {
		var o qwen2.GraphOptions
		if a != nil {
			o.Adapters = a.ForModel()
		}
		return p.m.Logits(tape, p.parts.in, p.rows, o).Value
	})
}

func loadFrom(t *testing.T, d kernel.Device, dir string) *qwen2.Model {
	t.Helper()
	m, err := qwen2.Load(d, dir, qwen2.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// The merged weights are PEFT's, where the golden has them, all others those of the base bit for bit, and the merged
// model's logits are PEFT's. The copies in testdata have only the logits, which depend on every merged weight.
func TestGoldenMerge(t *testing.T) {
	dir := golden("lora-merge")
	variants, err := filepath.Glob(filepath.Join(dir, "*.safetensors"))
	if err != nil || len(variants) == 0 {
		t.Fatalf("no variants in %s: %v", dir, err)
	}
	var batch struct{ Sequences []sequence }
	readJSON(t, filepath.Join(golden("lora-grads"), "batch.json"), &batch)
	base := filepath.Join(golden("model-tiny"), "model")
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		for _, path := range variants {
			name := strings.TrimSuffix(filepath.Base(path), ".safetensors")
			t.Run(name, func(t *testing.T) {
				out, report := merge(t, base, filepath.Join(golden("lora-grads"), name, "adapter"), MergeOptions{})
				want := openGolden(t, path)
				compareMerged(t, want, base, out, len(report.Modules))
				m := loadFrom(t, d, out)
				for n, s := range batch.Sequences {
					ref, have := floats(t, want, fmt.Sprintf("logits.seq%d", n)), logits(t, m, nil, s)
					for i, w := range ref {
						if !(math.Abs(float64(have[i]-w)) <= 2e-5+1e-4*math.Abs(float64(w))) {
							t.Errorf("sequence %d: logit %d: want %v, have %v", n, i, w, have[i])
							break
						}
					}
				}
			})
		}
	})
}

func compareMerged(t *testing.T, want *safetensors.File, base, out string, merged int) {
	t.Helper()
	before, err := safetensors.OpenModel(base)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	after, err := safetensors.OpenModel(out)
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	if !slices.Equal(before.Names(), after.Names()) {
		t.Fatalf("want the tensors %v, have %v", before.Names(), after.Names())
	}
	isWeight := func(name string) bool { return strings.HasPrefix(name, "model.") }
	complete, changed := slices.ContainsFunc(want.Names(), isWeight), 0
	for _, name := range after.Names() {
		have, _ := after.Tensor(name)
		was, _ := before.Tensor(name)
		ref, ok := want.Tensor(name)
		if !ok && !complete {
			if !slices.Equal(have.Data, was.Data) {
				changed++
			}
			continue
		}
		if !ok {
			if !slices.Equal(have.Data, was.Data) || have.DType != was.DType || !slices.Equal(have.Shape, was.Shape) {
				t.Errorf("%s: want it as it was", name)
			}
			continue
		}
		changed++
		x, y := make([]float32, len(ref.Data)/4), make([]float32, len(ref.Data)/4)
		if err := errors.Join(safetensors.Floats(ref, x), safetensors.Floats(have, y)); err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if !(math.Abs(float64(x[i]-y[i])) <= 1e-6) {
				t.Errorf("%s: element %d: want %v, have %v", name, i, x[i], y[i])
				break
			}
		}
	}
	if changed == 0 || changed != merged {
		t.Errorf("%d weights were compared, %d were reported", changed, merged)
	}
}

// trainedAdapter is an adapter on every linear layer of a model, with biases, none of it at its initial values, and its
// folder.
func trainedAdapter(t *testing.T, m *qwen2.Model) (*Adapter, string) {
	t.Helper()
	a := newAdapterFor(t, m, 0)
	for i, p := range a.params {
		x := make([]float32, p.Len())
		if err := p.ReadFloats(x); err != nil {
			t.Fatal(err)
		}
		for k := range x {
			x[k] += 0.02 * float32(math.Sin(float64(k*7+i*13)))
		}
		if err := p.WriteFloats(x); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(t.TempDir(), "adapter")
	if err := a.Save(dir, peft.Card{}); err != nil {
		t.Fatal(err)
	}
	return a, dir
}

// The logits of the merged model are those of base and adapter, trained biases included, for whole and sharded, float32
// and bfloat16 checkpoints and for each type of the result. Weights rounded to p bits, each by at most 2⁻ᵖ of itself
// and at random, change a logit by about 2⁻ᵖ of its size in each of some ten layers one after the other, whose
// errors add like a random walk: 2⁻ᵖ·√10·4 of the largest logit bounds four standard deviations.
func TestMergedEqualsAdapter(t *testing.T) {
	d := devtest.CPU(t)
	for _, model := range []string{"model-tiny", "model-untied-sharded"} {
		m := loadModel(t, d, model)
		a, dir := trainedAdapter(t, m)
		s := sequence{IDs: rows(m.Config.Vocab)[5].IDs}
		want, alone := logits(t, m, a, s), logits(t, m, nil, s)
		largest := 0.0
		for _, w := range want {
			largest = max(largest, math.Abs(float64(w)))
		}
		for dtype, bits := range map[string]float64{"F32": 24, "F16": 11, "BF16": 8} {
			out, report := merge(t, filepath.Join(golden(model), "model"), dir, MergeOptions{DType: dtype})
			if report.Biases != 3*m.Config.Layers || len(report.Modules) != 7*m.Config.Layers {
				t.Errorf("%s %s: have %d biases and %d modules", model, dtype, report.Biases, len(report.Modules))
			}
			checkReport(t, report, bits)
			merged := loadFrom(t, d, out)
			have := logits(t, merged, nil, s)
			limit := math.Exp2(-bits)*math.Sqrt(10)*4*largest + 2e-5
			worst, apart := 0.0, 0.0
			for i, w := range want {
				worst = max(worst, math.Abs(float64(have[i]-w)))
				apart = max(apart, math.Abs(float64(alone[i]-w)))
			}
			if !(worst <= limit) || apart < 10*limit && dtype != "BF16" || worst > apart/4 {
				t.Errorf("%s %s: logits are off by %.3g, want at most %.3g; the adapter changes them by %.3g", model, dtype,
					worst, limit, apart)
			}
		}
	}
}

// checkReport wants errors that rounding to so many bits makes: at most 2⁻ᵖ of the merged weight's norm, which is below
// 64 for matrices of these sizes, whose elements have a standard deviation of about 1/√in or 2/√in.
func checkReport(t *testing.T, r *MergeReport, bits float64) {
	t.Helper()
	for _, m := range r.Modules {
		if !(m.Delta > 0) || !(m.Error > 0) || !(m.Error < 64*math.Exp2(-bits)) {
			t.Errorf("%+v: want an error of %g bits", m, bits)
		}
	}
}

// Each type of the result is what config.json says, and the other files come along.
func TestMergeFiles(t *testing.T) {
	d := devtest.CPU(t)
	m := loadModel(t, d, "model-untied-sharded")
	_, dir := trainedAdapter(t, m)
	base := filepath.Join(golden("model-untied-sharded"), "model")
	out, report := merge(t, base, dir, MergeOptions{DType: "F32"})
	for _, name := range []string{"config.json", "generation_config.json", "model.safetensors.index.json"} {
		if !exists(filepath.Join(out, name)) {
			t.Errorf("want %s, have none", name)
		}
	}
	text, err := os.ReadFile(filepath.Join(out, "config.json"))
	if err != nil || !strings.Contains(string(text), `"torch_dtype": "float32"`) ||
		strings.Contains(string(text), "bfloat16") {
		t.Errorf("config.json: %s, %v", text, err)
	}
	var index struct {
		Metadata struct {
			Total int64 `json:"total_size"`
		}
	}
	readJSON(t, filepath.Join(out, "model.safetensors.index.json"), &index)
	if want := 4 * m.Params(); index.Metadata.Total != want || report.Bytes <= want || report.Bytes > want+1<<16 {
		t.Errorf("want %d bytes of weights, have %d in files of %d", want, index.Metadata.Total, report.Bytes)
	}
	same, _ := merge(t, base, dir, MergeOptions{})
	want, _ := os.ReadFile(filepath.Join(base, "config.json"))
	if have, _ := os.ReadFile(filepath.Join(same, "config.json")); string(have) != string(want) {
		t.Errorf("config.json of the same types: want it unchanged, have %s", have)
	}
}

// A 4-bit base is refused, unless its values are what the adapter is to be merged into.
func TestMergeQuantizedBase(t *testing.T) {
	d := devtest.CPU(t)
	var about struct{ Checkpoint string }
	readJSON(t, filepath.Join(golden("qlora-trajectory"), "case.json"), &about)
	base := golden(filepath.FromSlash(about.Checkpoint))
	m := loadFrom(t, d, base)
	a, dir := trainedAdapter(t, m)
	out := filepath.Join(t.TempDir(), "out")
	_, err := Merge(context.Background(), base, dir, out, MergeOptions{})
	if !errors.Is(err, ErrQuantized) || exists(out) {
		t.Errorf("want ErrQuantized and nothing written, have %v", err)
	}
	out, _ = merge(t, base, dir, MergeOptions{Dequantize: true, DType: "F32"})
	s := sequence{IDs: rows(m.Config.Vocab)[5].IDs}
	want, have := logits(t, m, a, s), logits(t, loadFrom(t, d, out), nil, s)
	for i, w := range want {
		if !(math.Abs(float64(have[i]-w)) <= 2e-5+1e-4*math.Abs(float64(w))) {
			t.Fatalf("logit %d: want %v, have %v", i, w, have[i])
		}
	}
	text, err := os.ReadFile(filepath.Join(out, "config.json"))
	if err != nil || strings.Contains(string(text), "quantization_config") {
		t.Errorf("config.json still speaks of quantisation: %s, %v", text, err)
	}
}
