package qwen2

import (
	"context"
	"encoding/json"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// generated is one way of generating in generate.json.
type generated struct {
	Settings struct {
		MaxNewTokens      int             `json:"max_new_tokens"`
		RepetitionPenalty float64         `json:"repetition_penalty"`
		EOS               json.RawMessage `json:"eos_token_id"`
	}
	NewIDs [][]int32 `json:"new_ids"`
}

func TestGoldenGenerate(t *testing.T) {
	var file map[string]json.RawMessage
	readJSON(t, filepath.Join(golden("generate"), "generate.json"), &file)
	var prompts [][]int32
	decodeJSON(t, file["prompts"], &prompts)
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		m := loadGolden(t, d, filepath.Join(golden("model-tiny"), "model"), nil)
		ways := 0
		for name, raw := range file {
			var g generated
			if name == "batch" || json.Unmarshal(raw, &g) != nil || g.NewIDs == nil {
				continue
			}
			ways++
			for i, want := range g.NewIDs {
				o := GenerateOptions{MaxNewTokens: g.Settings.MaxNewTokens, EOS: eosOf(t, g.Settings.EOS)}
				o.RepetitionPenalty = g.Settings.RepetitionPenalty
				if got := continuation(t, m, prompts[i], o); !slices.Equal(got, want) {
					t.Errorf("%s, prompt %d:\nwant %v\nhave %v", name, i, want, got)
				}
			}
		}
		if ways == 0 {
			t.Error("no settings in generate.json")
		}
	})
}

func decodeJSON(t *testing.T, raw json.RawMessage, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
}

// eosOf reads one token or a list of them.
func eosOf(t *testing.T, raw json.RawMessage) (ids []int32) {
	t.Helper()
	var one int32
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return nil
	case json.Unmarshal(raw, &one) == nil:
		return []int32{one}
	}
	decodeJSON(t, raw, &ids)
	return ids
}

func continuation(t *testing.T, m *Model, prompt []int32, o GenerateOptions) []int32 {
	t.Helper()
	s, err := m.NewSession(len(prompt)+o.MaxNewTokens, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	g, err := s.Generate(context.Background(), prompt, o)
	if err != nil {
		t.Fatal(err)
	}
	return g.IDs
}

func TestGoldenProcessors(t *testing.T) {
	dir := golden("generate")
	var file struct {
		Cases []struct {
			Name, Input       string
			DoSample          bool     `json:"do_sample"`
			Temperature       float64  `json:"temperature"`
			TopK              *int     `json:"top_k"`
			TopP              *float64 `json:"top_p"`
			MinP              float64  `json:"min_p"`
			RepetitionPenalty float64  `json:"repetition_penalty"`
		}
		History [][]int32
	}
	readJSON(t, filepath.Join(dir, "processors.json"), &file)
	want := openGolden(t, filepath.Join(dir, "processors.safetensors"))
	if len(file.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			s := Sampling{Sample: c.DoSample, Temperature: c.Temperature, MinP: c.MinP,
				RepetitionPenalty: c.RepetitionPenalty}
			if c.DoSample {
				s.TopK = 50 // what transformers fills in where nothing is said
			}
			if c.TopK != nil {
				s.TopK = *c.TopK
			}
			if c.TopP != nil {
				s.TopP = *c.TopP
			}
			input := c.Input
			if input == "" {
				input = "logits"
			}
			logits, scores, probs := floats(t, want, input), floats(t, want, c.Name+".scores"), floats(t, want, c.Name+".probs")
			v := len(logits) / len(file.History)
			for row, seen := range file.History {
				x := logits[row*v : (row+1)*v]
				s.process(x, seen)
				for i, p := range softmax(x) {
					w, q := float64(scores[row*v+i]), float64(probs[row*v+i])
					if got := float64(x[i]); got != w && !(math.Abs(got-w) <= 1e-6+1e-6*math.Abs(w)) {
						t.Errorf("row %d, token %d: want score %v, have %v", row, i, w, got)
					}
					if !(math.Abs(p-q) <= 1e-6) {
						t.Errorf("row %d, token %d: want probability %v, have %v", row, i, q, p)
					}
				}
			}
		})
	}
}
