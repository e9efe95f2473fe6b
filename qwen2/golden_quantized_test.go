package qwen2

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// Checkpoints that transformers saved with bitsandbytes' 4-bit weights give the logits of the dequantised ones.
func TestGoldenQuantizedModels(t *testing.T) {
	configs, err := filepath.Glob(filepath.Join(golden("bnb-4bit"), "*", "model", "config.json"))
	if err != nil || len(configs) == 0 {
		t.Fatalf("no checkpoints in %s: %v", golden("bnb-4bit"), err)
	}
	var batch struct{ Sequences []sequence }
	readJSON(t, filepath.Join(golden("model-tiny"), "batch.json"), &batch)
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		for _, c := range configs {
			dir := filepath.Dir(filepath.Dir(c))
			t.Run(filepath.Base(dir), func(t *testing.T) {
				want := openGolden(t, filepath.Join(dir, "expected.safetensors"))
				m := loadGolden(t, d, filepath.Join(dir, "model"), batch.Sequences)
				for n, s := range batch.Sequences {
					name := fmt.Sprintf("logits.seq%d", n)
					compareGolden(t, name, forward(t, m, []sequence{s})[0]["logits"], floats(t, want, name))
				}
			})
		}
	})
}

// Quantising while loading gives the logits of a checkpoint whose weights were quantised and expanded before.
func TestQuantizeWhileLoading(t *testing.T) {
	seqs := []sequence{{IDs: []int32{3, 200, 17, 45, 8}}}
	for _, f := range []bnb.Format{bnb.NF4, bnb.FP4, bnb.Int8} {
		dir := rewrite(t, func(all []safetensors.Tensor) []safetensors.Tensor {
			for i, x := range all {
				if len(x.Shape) != 2 || x.Name == "model.embed_tokens.weight" {
					continue
				}
				m, err := bnb.QuantizeTensor(f, x, bnb.Options{})
				if err != nil {
					t.Fatal(err)
				}
				all[i].Data = make([]byte, len(x.Data))
				if err := m.DequantizeTo("F32", all[i].Data); err != nil {
					t.Fatal(err)
				}
			}
			return all
		})
		t.Run(f.String(), func(t *testing.T) {
			devtest.Each(t, func(t *testing.T, d kernel.Device) {
				wide := loadGolden(t, d, dir, seqs)
				m, err := Load(d, filepath.Join("testdata", "model-tiny", "model"), LoadOptions{Quantize: f})
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				if have := m.layers[0].down.w; have.DType != quantTypes[f] {
					t.Errorf("want weights in %v, have %v", quantTypes[f], have.DType)
				}
				compareGolden(t, "logits", forward(t, m, seqs)[0]["logits"], forward(t, wide, seqs)[0]["logits"])
			})
		})
	}
}
