package qwen2

import (
	"path/filepath"
	"testing"

	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// An int8 head gives the logits of a checkpoint whose embedding and head were quantised and expanded before, tied or
// not.
func TestInt8Head(t *testing.T) {
	seqs := []sequence{{IDs: []int32{3, 200, 17, 45, 8}}}
	for _, name := range []string{"model-tiny", "model-untied-sharded"} {
		dir := rewriteModel(t, name, func(all []safetensors.Tensor) []safetensors.Tensor {
			for i, x := range all {
				if x.Name != "model.embed_tokens.weight" && x.Name != "lm_head.weight" {
					continue
				}
				m, err := bnb.QuantizeTensor(bnb.Int8, x, bnb.Options{})
				if err == nil {
					all[i].DType, all[i].Data = "F32", make([]byte, 4*m.N*m.K)
					err = m.DequantizeTo("F32", all[i].Data)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			return all
		})
		t.Run(name, func(t *testing.T) {
			devtest.Each(t, func(t *testing.T, d kernel.Device) {
				wide := loadGolden(t, d, dir, seqs)
				m, err := Load(d, filepath.Join("testdata", name, "model"), LoadOptions{Head: bnb.Int8})
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				if have := m.head.w.DType; have != tensor.I8 {
					t.Errorf("want a head in int8, have %v", have)
				}
				if tied := m.head == m.embed; tied != m.Config.Tied {
					t.Errorf("want one matrix for both: %v, have %v", m.Config.Tied, tied)
				}
				compareGolden(t, "logits", forward(t, m, seqs)[0]["logits"], forward(t, wide, seqs)[0]["logits"])
			})
		})
	}
}

// Only int8 can be looked up row by row.
func TestHeadFormats(t *testing.T) {
	dir := filepath.Join("testdata", "model-tiny", "model")
	if m, err := Load(devtest.CPU(t), dir, LoadOptions{Head: bnb.NF4}); err == nil {
		m.Close()
		t.Error("loaded an nf4 embedding")
	}
}
