package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/safetensors"
)

// TestTree compares with what print(model) of torch 2.15, transformers 5.23 and peft 0.21.2 wrote.
func TestTree(t *testing.T) {
	for _, c := range []struct{ model, want, targets, bias, ranks string }{
		{model: "model-tiny", want: "model-tiny"},
		{model: "model-tiny", want: "model-tiny-qkvo", targets: "q_proj,k_proj,v_proj,o_proj", bias: "none"},
		{model: "model-tiny", want: "model-tiny-bias-all", targets: "q_proj,v_proj", bias: "all"},
		{model: "model-untied-sharded", want: "model-untied-sharded-rank-pattern", targets: "all-linear", bias: "none",
			ranks: "layers.1.mlp.down_proj=16"},
		{model: "bnb-4bit/nf4-dq-f32", want: "nf4-dq-f32"},
		{model: "bnb-4bit/nf4-dq-f32", want: "nf4-dq-f32-qkvo", targets: "q_proj,k_proj,v_proj,o_proj", bias: "none"},
	} {
		want, err := os.ReadFile(filepath.Join("testdata", "tree", c.want+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join("..", "..", "qwen2", "testdata", filepath.FromSlash(c.model), "model")
		config, err := qwen2.ReadConfig(dir)
		if err != nil {
			t.Fatal(err)
		}
		files, err := safetensors.OpenModel(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer files.Close()
		var pc *peft.Config
		var targets []string
		if c.targets != "" {
			o := adapterOptions{r: 4, targets: c.targets, bias: c.bias, init: "default", rankPattern: c.ranks}
			if strings.HasSuffix(c.want, "-qkvo") {
				o.r, o.dropout = 8, 0.05
			}
			made, err := o.config()
			if err != nil {
				t.Fatal(err)
			}
			pc = &made
			if targets, _, err = peft.Match(pc, config.Modules()); err != nil {
				t.Fatal(err)
			}
		}
		if have := modelTree(config, pc, targets, fourBit(files)).String() + "\n"; have != string(want) {
			t.Errorf("%s: have\n%s\nwant\n%s", c.want, have, want)
		}
	}
}

// The seed's count: r 8 on q, k, v and o of Qwen2.5-0.5B, as PEFT prints it.
func TestCountAdapter(t *testing.T) {
	c := &qwen2.Config{Hidden: 896, Layers: 24, Heads: 14, KVHeads: 2, HeadDim: 64, Intermediate: 4864, Vocab: 151936,
		Tied: true}
	for _, x := range []struct {
		bias  peft.Bias
		wants string
	}{
		{peft.BiasNone, "trainable params: 1,081,344 || all params: 495,114,112 || trainable%: 0.2184"},
		{peft.BiasAll, "trainable params: 1,108,992 || all params: 495,114,112 || trainable%: 0.2240"},
	} {
		pc := peft.Default()
		pc.Bias, pc.Targets = x.bias, peft.Modules{Names: []string{"c_proj", "c_attn", "q_proj", "v_proj", "o_proj",
			"k_proj"}}
		targets, unmatched, err := peft.Match(&pc, c.Modules())
		if err != nil || len(unmatched) != 2 {
			t.Fatal(err, unmatched)
		}
		if have := peft.TrainableLine(countAdapter(c, &pc, targets)); have != x.wants {
			t.Errorf("have %s, want %s", have, x.wants)
		}
	}
}
