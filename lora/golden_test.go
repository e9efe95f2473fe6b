package lora

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vulora/vulora/autograd"
	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// golden returns the folder of a case: of the set that $VULORA_GOLDENS names, or of a testdata folder.
func golden(name string) string {
	if dir := os.Getenv("VULORA_GOLDENS"); dir != "" {
		return filepath.Join(dir, name)
	}
	if dir := filepath.Join("testdata", name); exists(dir) {
		return dir
	}
	return filepath.Join("..", "qwen2", "testdata", name)
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

type sequence struct {
	IDs    []int32 `json:"input_ids"`
	Labels []int32 `json:"labels"`
}

func examples(seqs []sequence) []data.Example {
	all := make([]data.Example, len(seqs))
	for i, s := range seqs {
		all[i] = data.Example{IDs: s.IDs, Labels: s.Labels, Line: i + 1}
	}
	return all
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func openGolden(t *testing.T, path string) *safetensors.File {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func floats(t *testing.T, f *safetensors.File, name string) []float32 {
	t.Helper()
	x, ok := f.Tensor(name)
	if !ok {
		t.Fatalf("no golden %s", name)
	}
	n := 1
	for _, d := range x.Shape {
		n *= d
	}
	y := make([]float32, n)
	if err := safetensors.Floats(x, y); err != nil {
		t.Fatal(err)
	}
	return y
}

func loadModel(t *testing.T, d kernel.Device, name string) *qwen2.Model {
	t.Helper()
	m, err := qwen2.Load(d, filepath.Join(golden(name), "model"), qwen2.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func loadAdapter(t *testing.T, m *qwen2.Model, dir string) *Adapter {
	t.Helper()
	a, _, err := LoadAdapter(m, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// relative returns ‖x − want‖/‖want − from‖, with from = 0 if it is nil.
func relative(x, want, from []float32) float64 {
	var d, n float64
	for i, w := range want {
		e, s := float64(x[i])-float64(w), float64(w)
		if from != nil {
			s -= float64(from[i])
		}
		d, n = d+e*e, n+s*s
	}
	if d == 0 {
		return 0
	}
	return math.Sqrt(d / n)
}

func TestGoldenLoRAGradients(t *testing.T) {
	dir := golden("lora-grads")
	variants, err := filepath.Glob(filepath.Join(dir, "*", "adapter"))
	if err != nil || len(variants) == 0 {
		t.Fatalf("no variants in %s: %v", dir, err)
	}
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		for _, adapter := range variants {
			variant := filepath.Dir(adapter)
			t.Run(filepath.Base(variant), func(t *testing.T) { goldenGradients(t, d, dir, variant) })
		}
	})
}

func goldenGradients(t *testing.T, d kernel.Device, dir, variant string) {
	var want struct {
		Model    string
		Loss     float64
		NumItems int `json:"num_items"`
	}
	readJSON(t, filepath.Join(variant, "expected.json"), &want)
	var batch struct{ Sequences []sequence }
	name := "batch.json"
	if filepath.Base(want.Model) == "model-untied-sharded" {
		name = "batch_untied.json"
	}
	readJSON(t, filepath.Join(dir, name), &batch)
	m := loadModel(t, d, want.Model)
	config, _, err := ReadConfig(filepath.Join(variant, "adapter"))
	if err != nil {
		t.Fatal(err)
	}
	if err := config.Supported(); err != nil {
		if _, _, loadErr := LoadAdapter(m, filepath.Join(variant, "adapter")); loadErr == nil {
			t.Errorf("loaded an adapter with a feature that is not supported: %v", err)
		}
		t.Logf("NOT COMPARED, refused by name: %v", err)
		return
	}
	a := loadAdapter(t, m, filepath.Join(variant, "adapter"))
	for _, recompute := range []bool{false, true} {
		grads, loss := gradients(t, m, a, examples(batch.Sequences), want.NumItems, recompute)
		if !(math.Abs(loss-want.Loss) <= 1e-5) {
			t.Errorf("recompute %v: want loss %v, have %v", recompute, want.Loss, loss)
		}
		compareGradients(t, openGolden(t, filepath.Join(variant, "expected.safetensors")), grads)
	}
	compareForward(t, openGolden(t, filepath.Join(variant, "expected.safetensors")), m, a, batch.Sequences, want.NumItems)
}

// compareForward compares the logits, and the gradient for the embedded tokens, of the sequences that the golden has.
func compareForward(t *testing.T, want *safetensors.File, m *qwen2.Model, a *Adapter, seqs []sequence, items int) {
	t.Helper()
	compared := 0
	for n, s := range seqs {
		p := newPass(t, m, s, items)
		logits, dEmbeddings := fmt.Sprintf("logits.seq%d", n), fmt.Sprintf("d_inputs_embeds.seq%d", n)
		if _, ok := want.Tensor(logits); ok {
			compared++
			got := p.run(t, func(tape *autograd.Tape) *tensor.Value { return p.logits(tape, a) })
			for i, w := range floats(t, want, logits) {
				if !(math.Abs(float64(got[i]-w)) <= 2e-5+1e-4*math.Abs(float64(w))) {
					t.Errorf("%s: element %d: want %v, have %v", logits, i, w, got[i])
					break
				}
			}
		}
		if _, ok := want.Tensor(dEmbeddings); ok {
			got := p.run(t, func(tape *autograd.Tape) *tensor.Value { return p.embeddingGradient(tape, a) })
			ref := floats(t, want, dEmbeddings)
			if r := relative(got[:len(ref)], ref, nil); !(r <= 1e-4) {
				t.Errorf("%s: relative distance %.3g, want at most 1e-4", dEmbeddings, r)
			}
		}
	}
	if compared == 0 {
		t.Error("no logits were compared")
	}
}

// A pass is one sequence on the device, to record the model on.
type pass struct {
	m                *qwen2.Model
	parts            *inputParts
	rows, scale, one *tensor.Tensor
}

func newPass(t *testing.T, m *qwen2.Model, s sequence, items int) *pass {
	t.Helper()
	batch := examples([]sequence{s})
	z := sizeOf(batch)
	in, err := newBatchInputs(m.Device, z)
	if err == nil {
		t.Cleanup(in.free)
		err = in.write(batch, z)
	}
	p := &pass{m: m}
	index := make([]int32, len(s.IDs))
	for i := range index {
		index[i] = int32(i)
	}
	for _, f := range []struct {
		t **tensor.Tensor
		s tensor.Spec
	}{{&p.rows, tensor.IntsOf(len(index))}, {&p.scale, tensor.Of(1)}, {&p.one, tensor.Of(1)}} {
		if err == nil {
			*f.t, err = tensor.New(m.Device, f.s, kernel.Staging)
			t.Cleanup((*f.t).Free)
		}
	}
	if err == nil {
		err = errors.Join(p.rows.WriteInts(index), p.scale.WriteFloats([]float32{float32(1 / float64(items))}),
			p.one.WriteFloats([]float32{1}))
	}
	if err != nil {
		t.Fatal(err)
	}
	p.parts = in.of(z)
	p.parts.supervision.Scale = p.scale
	return p
}

// run returns the value that record records.
func (p *pass) run(t *testing.T, record func(tape *autograd.Tape) *tensor.Value) []float32 {
	t.Helper()
	var out *tensor.Tensor
	programs := tensor.NewPrograms[int](p.m.Device, kernel.CompileOptions{})
	defer programs.Close()
	c, err := programs.Get(0, func(r *tensor.Recorder) {
		v := record(autograd.NewTape(r))
		if r.Err() != nil {
			return
		}
		var err error
		if out, err = tensor.New(p.m.Device, v.Spec, kernel.Staging); err != nil {
			r.Fail(err)
			return
		}
		r.Place(v, out)
	})
	defer out.Free()
	if err == nil {
		err = c.Run()
	}
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, out.Len())
	if err := out.ReadFloats(x); err != nil {
		t.Fatal(err)
	}
	return x
}

func (p *pass) logits(tape *autograd.Tape, a *Adapter) *tensor.Value {
	return p.m.Logits(tape, p.parts.in, p.rows, qwen2.GraphOptions{Adapters: a.ForModel()}).Value
}

// embeddingGradient records the loss and its gradient for the embedded tokens.
func (p *pass) embeddingGradient(tape *autograd.Tape, a *Adapter) *tensor.Value {
	var embedded *autograd.Var
	see := func(name string, v *autograd.Var) {
		if name == "embeddings" {
			v.Watch()
			embedded = v
		}
	}
	loss := p.m.Loss(tape, p.parts.in, p.parts.supervision, qwen2.GraphOptions{Adapters: a.ForModel(), See: see})
	if tape.Backward(loss, tape.R.Bind(p.one)) != nil {
		return nil
	}
	return tape.Grad(embedded)
}

// gradients runs one pass.
func gradients(t *testing.T, m *qwen2.Model, a *Adapter, batch []data.Example, items int,
	recompute bool) (map[string][]float32, float64) {
	t.Helper()
	tr, err := newTrainer(m, a, TrainerOptions{Recompute: recompute}, slices.Values([][]data.Example{batch}))
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if err := tr.scale.WriteFloats([]float32{float32(1 / float64(items))}); err != nil {
		t.Fatal(err)
	}
	if err := tr.pass(batch, false, 0); err != nil {
		t.Fatal(err)
	}
	var loss [1]float32
	if err := tr.loss.ReadFloats(loss[:]); err != nil {
		t.Fatal(err)
	}
	return slabValues(t, a, tr), float64(loss[0])
}

func slabValues(t *testing.T, a *Adapter, tr *trainer) map[string][]float32 {
	t.Helper()
	out := map[string][]float32{}
	for i, s := range a.layout.slots {
		x := make([]float32, s.spec.Len())
		if err := a.layout.view(tr.sum, i).ReadFloats(x); err != nil {
			t.Fatal(err)
		}
		out[s.key] = x
	}
	return out
}

func compareGradients(t *testing.T, want *safetensors.File, have map[string][]float32) {
	t.Helper()
	for key, g := range have {
		ref := floats(t, want, "grad."+key)
		if r := relative(g, ref, nil); !(r <= 1e-4) {
			t.Errorf("%s: relative distance %.3g, want at most 1e-4", key, r)
		}
		for i, w := range ref {
			if !(math.Abs(float64(g[i]-w)) <= 1e-6+1e-3*math.Abs(float64(w))) {
				t.Errorf("%s: element %d: want %v, have %v", key, i, w, g[i])
				break
			}
		}
	}
	for _, name := range want.Names() {
		if len(name) > 5 && name[:5] == "grad." && have[name[5:]] == nil {
			t.Errorf("%s: there is no such gradient", name)
		}
	}
}
