package qwen2

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vulora/vulora/autograd"
	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// golden returns the folder of a case: of the set that $VULORA_GOLDENS names, or of testdata.
func golden(name string) string {
	if dir := os.Getenv("VULORA_GOLDENS"); dir != "" {
		return filepath.Join(dir, name)
	}
	return filepath.Join("testdata", name)
}

type sequence struct {
	IDs    []int32 `json:"input_ids"`
	Labels []int32 `json:"labels"`
}

// Of logits, float32 arithmetic in another order of summation (goldens/README).
func near(got, want float64) bool { return math.Abs(got-want) <= 2e-5+1e-4*math.Abs(want) }

func TestGoldenModels(t *testing.T) {
	for _, name := range []string{"model-tiny", "model-untied-sharded"} {
		t.Run(name, func(t *testing.T) {
			devtest.Each(t, func(t *testing.T, d kernel.Device) { goldenModel(t, d, golden(name)) })
		})
	}
}

func goldenModel(t *testing.T, d kernel.Device, dir string) {
	var batch struct{ Sequences []sequence }
	readJSON(t, filepath.Join(dir, "batch.json"), &batch)
	want := openGolden(t, filepath.Join(dir, "expected.safetensors"))
	m := loadGolden(t, d, filepath.Join(dir, "model"), batch.Sequences)
	if len(batch.Sequences) == 0 {
		t.Fatal("no sequences")
	}
	for n, s := range batch.Sequences {
		got := forward(t, m, []sequence{s})[0]
		for _, name := range want.Names() {
			short, ok := strings.CutPrefix(name, fmt.Sprintf("seq%d.", n))
			if !ok || short == "token_loss" {
				continue
			}
			compareGolden(t, fmt.Sprintf("seq%d %s", n, short), got[short], floats(t, want, name))
		}
	}
	// Packed in one row, each sequence sees only itself.
	for n, got := range forward(t, m, batch.Sequences) {
		compareGolden(t, fmt.Sprintf("packed seq%d logits", n), got["logits"],
			floats(t, want, fmt.Sprintf("seq%d.logits", n)))
	}
}

func compareGolden(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: want %d elements, have %d", what, len(want), len(got))
		return
	}
	worst, at := 0.0, -1
	for i, w := range want {
		if !near(float64(got[i]), float64(w)) {
			if e := math.Abs(float64(got[i] - w)); e > worst || at < 0 {
				worst, at = e, i
			}
		}
	}
	if at >= 0 {
		t.Errorf("%s: element %d: want %v, have %v", what, at, want[at], got[at])
	}
}

// forward runs the sequences packed in one row and returns, for each, the intermediate values by their golden names.
func forward(t *testing.T, m *Model, seqs []sequence) []map[string][]float32 {
	t.Helper()
	in, rows, total := packInputs(t, m.Device, seqs)
	r := tensor.NewRecorder(m.Device)
	tape := autograd.NewTape(r)
	seen := map[string]*tensor.Tensor{}
	keep := func(name string, v *autograd.Var) {
		if v.Value == nil {
			return
		}
		x := alloc(t, m.Device, v.Spec)
		r.Place(v.Value, x)
		seen[name] = x
	}
	keep("logits", m.Logits(tape, in, rows, GraphOptions{See: keep}))
	runOnce(t, m.Device, r)
	all := map[string][]float32{}
	for name, x := range seen {
		all[name] = make([]float32, x.Len())
		if err := x.ReadFloats(all[name]); err != nil {
			t.Fatal(err)
		}
	}
	out := make([]map[string][]float32, len(seqs))
	at := 0
	for i, s := range seqs {
		out[i] = map[string][]float32{}
		for name, x := range all {
			c := len(x) / total
			out[i][name] = x[at*c : (at+len(s.IDs))*c]
		}
		splitHeads(m.Config, out[i])
		at += len(s.IDs)
	}
	return out
}

// splitHeads turns the fused, rotated q|k|v of each layer into the goldens' [heads, T, D].
func splitHeads(c Config, x map[string][]float32) {
	for name, y := range x {
		layer, ok := strings.CutSuffix(name, ".qkv_rope")
		if !ok {
			continue
		}
		width := (c.Heads + 2*c.KVHeads) * c.HeadDim
		part := func(first, heads int) (z []float32) {
			for h := range heads {
				for t := 0; t < len(y)/width; t++ {
					z = append(z, y[t*width+(first+h)*c.HeadDim:][:c.HeadDim]...)
				}
			}
			return z
		}
		x[layer+".q_rope"], x[layer+".k_rope"], x[layer+".v"] = part(0, c.Heads), part(c.Heads, c.KVHeads),
			part(c.Heads+c.KVHeads, c.KVHeads)
	}
}

func packInputs(t *testing.T, d kernel.Device, seqs []sequence) (in Inputs, rows *tensor.Tensor, total int) {
	t.Helper()
	var ids, pos, bounds, users, index []int32
	for _, s := range seqs {
		start := int32(len(ids))
		for i, id := range s.IDs {
			at := start + int32(i)
			ids, pos, index = append(ids, id), append(pos, int32(i)), append(index, at)
			bounds, users = append(bounds, start, at+1), append(users, at, start+int32(len(s.IDs)))
		}
	}
	n := len(ids)
	in = Inputs{IDs: ints(t, d, ids, n), Pos: ints(t, d, pos, n), Bounds: ints(t, d, bounds, n, 2),
		Users: ints(t, d, users, n, 2)}
	return in, ints(t, d, index, n), n
}

func ints(t *testing.T, d kernel.Device, x []int32, dims ...int) *tensor.Tensor {
	t.Helper()
	y := alloc(t, d, tensor.IntsOf(dims...))
	if err := y.WriteInts(x); err != nil {
		t.Fatal(err)
	}
	return y
}

func alloc(t *testing.T, d kernel.Device, s tensor.Spec) *tensor.Tensor {
	t.Helper()
	x, err := tensor.New(d, s, kernel.Staging)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Free)
	return x
}

func runOnce(t *testing.T, d kernel.Device, r *tensor.Recorder) {
	t.Helper()
	p, err := tensor.NewPlan(r)
	if err != nil {
		t.Fatal(err)
	}
	w := tensor.NewWorkspace(d)
	defer w.Close()
	if err := w.Reserve(p); err != nil {
		t.Fatal(err)
	}
	prog, err := w.Compile(p, kernel.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Close()
	if err := prog.Run(); err != nil {
		t.Fatal(err)
	}
}

func loadGolden(t *testing.T, d kernel.Device, dir string, seqs []sequence) *Model {
	t.Helper()
	m, err := Load(d, dir, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
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

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("no golden %s", path)
	}
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}
