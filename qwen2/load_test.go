package qwen2

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// rewrite copies model-tiny with its tensors changed by change.
func rewrite(t *testing.T, change func([]safetensors.Tensor) []safetensors.Tensor) string {
	t.Helper()
	return rewriteModel(t, "model-tiny", change)
}

func rewriteModel(t *testing.T, name string, change func([]safetensors.Tensor) []safetensors.Tensor) string {
	t.Helper()
	from, dir := filepath.Join("testdata", name, "model"), t.TempDir()
	config, err := os.ReadFile(filepath.Join(from, "config.json"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "config.json"), config, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.OpenModel(from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	var all []safetensors.Tensor
	for _, n := range f.Names() {
		x, _ := f.Tensor(n)
		all = append(all, x)
	}
	if err := safetensors.Write(filepath.Join(dir, "model.safetensors"), change(all), nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

// One error names everything that is wrong with a checkpoint.
func TestLoadReportsAllTensors(t *testing.T) {
	d := devtest.CPU(t)
	dir := rewrite(t, func(all []safetensors.Tensor) []safetensors.Tensor {
		var out []safetensors.Tensor
		for _, x := range all {
			switch x.Name {
			case "model.norm.weight":
				continue
			case "model.layers.1.mlp.up_proj.weight":
				x.Shape = []int{x.Shape[1], x.Shape[0]}
			case "model.layers.0.self_attn.q_proj.bias":
				x.DType = "I32"
			}
			out = append(out, x)
		}
		return out
	})
	_, err := Load(d, dir, LoadOptions{})
	if err == nil {
		t.Fatal("loaded a broken checkpoint")
	}
	for _, want := range []string{dir, "model.norm.weight: want [128], have no such tensor",
		"model.layers.1.mlp.up_proj.weight: want [320 128], have [128 320]",
		"model.layers.0.self_attn.q_proj.bias: want F32, F16 or BF16, have I32"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in the error, have:\n%v", want, err)
		}
	}
}

// A checkpoint in 16 bits, or converted to 16 bits while it is loaded, gives the logits of the rounded weights.
func TestWeightTypes(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		seqs := []sequence{{IDs: []int32{3, 200, 17, 45}}}
		narrow := func(dtype string, f func([]float32, []byte) error) string {
			return rewrite(t, func(all []safetensors.Tensor) []safetensors.Tensor {
				for i, x := range all {
					v := make([]float32, len(x.Data)/4)
					if err := safetensors.Floats(x, v); err != nil {
						t.Fatal(err)
					}
					all[i].DType, all[i].Data = dtype, make([]byte, 2*len(v))
					if err := f(v, all[i].Data); err != nil {
						t.Fatal(err)
					}
				}
				return all
			})
		}
		for _, c := range []struct {
			name string
			dir  string
			t    tensor.DType
		}{{"bf16", narrow("BF16", safetensors.ToBF16), tensor.BF16}, {"f16", narrow("F16", safetensors.ToF16), tensor.F16}} {
			stored, err := Load(d, c.dir, LoadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer stored.Close()
			wide, err := Load(d, c.dir, LoadOptions{Convert: true, DType: tensor.F32})
			if err != nil {
				t.Fatal(err)
			}
			defer wide.Close()
			if stored.embed.w.DType != c.t || wide.embed.w.DType != tensor.F32 {
				t.Errorf("want weights in %v and f32, have %v and %v", c.t, stored.embed.w.DType, wide.embed.w.DType)
			}
			fast := kernel.Exact
			if c.t == tensor.BF16 && d.Info().BF16 {
				fast = kernel.RoundBF16
			}
			if have := stored.FastestPrecision(); have != fast {
				t.Errorf("%s: want precision %d, have %d", c.name, fast, have)
			}
			if have := wide.FastestPrecision(); have != kernel.Exact {
				t.Errorf("%s in f32: want exact products, have precision %d", c.name, have)
			}
			compareGolden(t, c.name, forward(t, stored, seqs)[0]["logits"], forward(t, wide, seqs)[0]["logits"])
		}
	})
}

// A prompt longer than a bucket, and an answer, in one session and in pieces.
func TestSessionInPieces(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadGolden(t, d, filepath.Join("testdata", "model-tiny", "model"), nil)
		prompt := make([]int32, 600)
		for i := range prompt {
			prompt[i] = int32(i * 37 % m.Config.Vocab)
		}
		logits := func(pieces ...int) []float32 {
			s, err := m.NewSession(700, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			rest := prompt
			for _, n := range pieces {
				if err := s.Append(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			x := make([]float32, m.Config.Vocab)
			if err := s.Logits(x); err != nil {
				t.Fatal(err)
			}
			best, err := s.Best()
			if err != nil || x[best] != slices.Max(x) {
				t.Errorf("the best token is %d (%v), the largest logit %v", best, x[best], slices.Max(x))
			}
			return x
		}
		whole := logits(600)
		compareGolden(t, "in pieces", logits(1, 17, 300, 281, 1), whole)
		want := forward(t, m, []sequence{{IDs: prompt}})[0]["logits"]
		compareGolden(t, "without a cache", whole, want[len(want)-m.Config.Vocab:])
	})
}

// The real checkpoint opens at once: nothing is copied but the fused q|k|v.
func TestRealCheckpoint(t *testing.T) {
	dir := os.Getenv("VULORA_MODEL")
	if dir == "" {
		t.Skip("NOT TESTED ON A REAL CHECKPOINT: VULORA_MODEL names none")
	}
	d := devtest.CPU(t)
	start := time.Now()
	m, err := Load(d, dir, LoadOptions{Positions: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	t.Logf("loaded %d parameters in %v", m.Params(), time.Since(start))
	ids := []int32{785, 6722, 315, 9625, 374}
	s, err := m.NewSession(8, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Append(ids); err != nil {
		t.Fatal(err)
	}
	if best, err := s.Best(); err != nil || best != 12095 { // "The capital of France is" → " Paris"
		t.Errorf("want token 12095, have %d, %v", best, err)
	}
}
