package qwen2

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParseGenerationConfig(t *testing.T) {
	c := &Config{Vocab: 200000, BOS: 7, Pad: -1, EOS: []int{8}}
	none := GenerationConfig{Temperature: 1, TopK: 50, TopP: 1, RepetitionPenalty: 1, BOS: 7, Pad: -1, EOS: []int{8}}
	with := func(change func(*GenerationConfig)) GenerationConfig { g := none; change(&g); return g }
	for text, want := range map[string]GenerationConfig{
		`{}`:                  none,
		`{"do_sample":true}`:  with(func(g *GenerationConfig) { g.DoSample = true }),
		`{"eos_token_id":9}`:  with(func(g *GenerationConfig) { g.EOS = []int{9} }),
		`{"top_k":0}`:         with(func(g *GenerationConfig) { g.TopK = 0 }),
		`{"temperature":0.0}`: with(func(g *GenerationConfig) { g.Temperature = 0 }),
		`{"top_k":null,"eos_token_id":null,"pad_token_id":null,"temperature":null,"max_new_tokens":null}`:   none,
		`{"_from_model_config":true,"output_attentions":false,"transformers_version":"5","use_cache":true}`: none,
		// Qwen2.5-0.5B-Instruct's file.
		`{"bos_token_id":151643,"pad_token_id":151643,"eos_token_id":[151645,151643],"do_sample":true,
		  "repetition_penalty":1.1,"temperature":0.7,"top_p":0.8,"top_k":20}`: {DoSample: true, Temperature: 0.7, TopK: 20,
			TopP: 0.8, RepetitionPenalty: 1.1, BOS: 151643, Pad: 151643, EOS: []int{151645, 151643}},
		`{"max_new_tokens":64,"min_p":0.05,"pad_token_id":0,"num_beams":4,"typical_p":1.0,"no_repeat_ngram_size":3,` +
			`"suppress_tokens":null}`: with(func(g *GenerationConfig) {
			g.MaxNewTokens, g.MinP, g.Pad, g.Ignored = 64, 0.05, 0, []string{"no_repeat_ngram_size", "num_beams"}
		}),
	} {
		g, err := ParseGenerationConfig([]byte(text), c)
		if err != nil || !reflect.DeepEqual(g, want) {
			t.Errorf("%s: %v\nhave %+v\nwant %+v", text, err, g, want)
		}
	}
}

func TestGenerationConfigSampling(t *testing.T) {
	for text, want := range map[string]Sampling{
		`{"do_sample":true}`: {Sample: true, Temperature: 1, TopK: 50, TopP: 1, RepetitionPenalty: 1},
		`{"do_sample":true,"top_k":0,"top_p":0,"min_p":0.1,"temperature":2}`: {Sample: true, Temperature: 2,
			TopP: math.SmallestNonzeroFloat64, MinP: 0.1, RepetitionPenalty: 1},
		`{"do_sample":false,"top_k":5,"top_p":0.5,"min_p":0.1,"temperature":2,"repetition_penalty":1.3}`: {
			RepetitionPenalty: 1.3},
		`{"temperature":0}`: {RepetitionPenalty: 1},
	} {
		g, err := ParseGenerationConfig([]byte(text), &Config{Vocab: 10, BOS: -1, Pad: -1})
		if err != nil || g.Sampling() != want || g.Sampling().Check() != nil {
			t.Errorf("%s: have %+v, %v, want %+v", text, g.Sampling(), err, want)
		}
	}
}

func TestParseGenerationConfigRefuses(t *testing.T) {
	c := &Config{Vocab: 100, BOS: -1, Pad: -1}
	for text, want := range map[string]string{
		`{"temperature":-1}`:                         "temperature: want 0 to",
		`{"do_sample":true,"temperature":0}`:         "temperature: want more than 0",
		`{"do_sample":1}`:                            "do_sample: want true or false, have 1",
		`{"top_k":-1}`:                               "top_k: want 0 to",
		`{"top_k":1.5}`:                              "top_k: want a whole number",
		`{"top_p":1.1}`:                              "top_p: want 0 to 1, have 1.1",
		`{"min_p":-0.1}`:                             "min_p: want 0 to 1",
		`{"repetition_penalty":0}`:                   "repetition_penalty: want",
		`{"max_new_tokens":0}`:                       "max_new_tokens: want 1 to",
		`{"eos_token_id":100}`:                       "eos_token_id: want 0 to 99, have 100",
		`{"eos_token_id":[1,-1]}`:                    "eos_token_id: want ids from 0 to 99, have -1",
		`{"eos_token_id":[[1]]}`:                     "eos_token_id: want",
		`{"pad_token_id":"x"}`:                       "pad_token_id: want a whole number",
		`{"top_p":2,"top_k":-2}`:                     "2 problems",
		`{"top_p":1,"top_p":2}`:                      `"top_p" appears twice`,
		`[]`:                                         "want an object",
		`{"a":` + strings.Repeat(`[`, 1000):          "nested deeper",
		strings.Repeat(` `, maxConfigBytes+1):        "at most 1048576 bytes",
		`{"top_p":` + strings.Repeat("9", 400) + `}`: "top_p: want a number, have 9999",
	} {
		g, err := ParseGenerationConfig([]byte(text), c)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %+v, error %v, want %q", text, g, err, want)
		}
	}
}

func TestReadConfigs(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadConfig(dir); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "config.json") {
		t.Errorf("folder without config.json: %v", err)
	}
	c := &Config{Vocab: 10, BOS: 1, Pad: 2, EOS: []int{3, 4}}
	g, err := ReadGenerationConfig(dir, c)
	if err != nil || fmt.Sprint(g.BOS, g.Pad, g.EOS, g.DoSample, g.TopK) != "1 2 [3 4] false 50" {
		t.Errorf("without the file: %+v, %v", g, err)
	}
	if g.EOS[0] = 9; c.EOS[0] != 3 {
		t.Error("the config's eos ids are shared")
	}
	path := filepath.Join(dir, "generation_config.json")
	if err := os.WriteFile(path, []byte(`{"top_k":-3}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadGenerationConfig(dir, c); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("bad file: %v, want its path", err)
	}
	path = filepath.Join(dir, "config.json")
	if err := os.WriteFile(path, changed(t, published, map[string]string{"hidden_act": `"gelu"`}), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadConfig(dir); err == nil || !strings.Contains(err.Error(), path+": hidden_act") {
		t.Errorf("bad file: %v, want its path", err)
	}
}

func FuzzGenerationConfig(f *testing.F) {
	f.Add([]byte(`{"do_sample":true,"top_k":20,"top_p":0.8,"eos_token_id":[1,2]}`))
	f.Add([]byte(`{"eos_token_id":3,"max_new_tokens":4,"num_beams":2}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := ParseGenerationConfig(data, &Config{Vocab: 10, BOS: -1, Pad: -1})
		if err != nil {
			return
		}
		if err := g.Sampling().Check(); err != nil || g.RepetitionPenalty <= 0 || g.MaxNewTokens < 0 {
			t.Fatalf("accepted %+v: %v", g, err)
		}
		for _, id := range g.EOS {
			if id < 0 || id >= 10 {
				t.Fatalf("accepted %+v", g)
			}
		}
	})
}
