package qwen2

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"

	"github.com/vulora/vulora/qwen2/strictjson"
)

// GenerationConfig holds the defaults of generation that a checkpoint comes with.
type GenerationConfig struct {
	DoSample          bool    // false: take the likeliest token, whatever Temperature, TopK, TopP and MinP say
	Temperature       float64 // divides the logits; 1 when the file has none
	TopK              int     // keep the k likeliest tokens, 0 for all; 50 when the file has none
	TopP              float64 // keep the likeliest tokens of this total probability; 1 for all
	MinP              float64 // drop tokens below this share of the likeliest one's probability; 0 for none
	RepetitionPenalty float64 // 1 for none; applies to greedy generation too
	MaxNewTokens      int     // 0 when the file has none
	BOS, Pad          int     // token ids, -1 when there is none
	EOS               []int   // token ids that end a text

	// Ignored names the settings of the file that would change the output and have no counterpart here.
	Ignored []string
}

// ReadGenerationConfig reads generation_config.json of the checkpoint folder dir, whose config.json says c. Without the
// file all values are the defaults, those of ParseGenerationConfig for an empty object.
func ReadGenerationConfig(dir string, c *Config) (GenerationConfig, error) {
	path := filepath.Join(dir, "generation_config.json")
	data, err := strictjson.ReadFile(path, maxConfigBytes, maxConfigDepth)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = []byte("{}"), nil
	}
	if err != nil {
		return GenerationConfig{}, fmt.Errorf("qwen2: generation config: %w", err)
	}
	g, err := readGenerationFields(data, c)
	if err != nil {
		return GenerationConfig{}, fmt.Errorf("qwen2: generation config: %s: %w", path, err)
	}
	return g, nil
}

// ParseGenerationConfig reads a generation_config.json. Absent values get the defaults of transformers, where to sample
// without saying more means the 50 likeliest tokens; absent token ids are those of c. All problems make one error.
func ParseGenerationConfig(data []byte, c *Config) (GenerationConfig, error) {
	if len(data) > maxConfigBytes {
		return GenerationConfig{}, fmt.Errorf("qwen2: generation config: want at most %d bytes, have %d", maxConfigBytes,
			len(data))
	}
	if err := strictjson.Check(data, maxConfigDepth); err != nil {
		return GenerationConfig{}, fmt.Errorf("qwen2: generation config: %w", err)
	}
	g, err := readGenerationFields(data, c)
	if err != nil {
		return GenerationConfig{}, fmt.Errorf("qwen2: generation config: %w", err)
	}
	return g, nil
}

func readGenerationFields(data []byte, c *Config) (GenerationConfig, error) {
	f, err := parseFields(data)
	if err != nil {
		return GenerationConfig{}, err
	}
	g := GenerationConfig{
		DoSample:          f.truth("do_sample", false),
		Temperature:       f.number("temperature", 1, 0, math.MaxFloat32),
		TopK:              f.whole("top_k", 50, 0, math.MaxInt32),
		TopP:              f.number("top_p", 1, 0, 1),
		MinP:              f.number("min_p", 0, 0, 1),
		RepetitionPenalty: f.positive("repetition_penalty", 1, math.MaxFloat32),
		MaxNewTokens:      f.whole("max_new_tokens", 0, 1, math.MaxInt32),
		BOS:               f.token("bos_token_id", c.Vocab),
		Pad:               f.token("pad_token_id", c.Vocab),
		EOS:               f.tokens("eos_token_id", c.Vocab),
		Ignored:           ignoredSettings(f),
	}
	if g.DoSample && g.Temperature == 0 {
		f.fail("temperature", "want more than 0 when do_sample is true, have 0")
	}
	if g.BOS < 0 {
		g.BOS = c.BOS
	}
	if g.Pad < 0 {
		g.Pad = c.Pad
	}
	if len(g.EOS) == 0 {
		g.EOS = slices.Clone(c.EOS)
	}
	if err := f.err(); err != nil {
		return GenerationConfig{}, err
	}
	return g, nil
}

// Sampling returns how to choose tokens as g says. Without DoSample only the repetition penalty remains.
func (g GenerationConfig) Sampling() Sampling {
	s := Sampling{RepetitionPenalty: g.RepetitionPenalty}
	if g.DoSample {
		s.Sample, s.Temperature, s.TopK, s.TopP, s.MinP = true, g.Temperature, g.TopK, g.TopP, g.MinP
		if s.TopP == 0 { // Here 0 keeps only the likeliest token, there it keeps all.
			s.TopP = math.SmallestNonzeroFloat64
		}
	}
	return s
}

// neutralSettings are settings of transformers' generate that have no counterpart here, each with the values, as JSON,
// that leave the output as it is (null always does).
var neutralSettings = map[string][]string{
	"bad_words_ids":                    {"[]"},
	"begin_suppress_tokens":            {"[]"},
	"constraints":                      {"[]"},
	"encoder_no_repeat_ngram_size":     {"0"},
	"encoder_repetition_penalty":       {"1", "1.0"},
	"epsilon_cutoff":                   {"0", "0.0"},
	"eta_cutoff":                       {"0", "0.0"},
	"exponential_decay_length_penalty": {},
	"force_words_ids":                  {"[]"},
	"forced_bos_token_id":              {},
	"forced_eos_token_id":              {},
	"guidance_scale":                   {"1", "1.0"},
	"min_length":                       {"0"},
	"min_new_tokens":                   {"0"},
	"no_repeat_ngram_size":             {"0"},
	"num_beams":                        {"1"},
	"penalty_alpha":                    {"0", "0.0"},
	"sequence_bias":                    {"{}", "[]"},
	"stop_strings":                     {"[]"},
	"suppress_tokens":                  {"[]"},
	"top_h":                            {},
	"typical_p":                        {"1", "1.0"},
	"watermarking_config":              {},
}

func ignoredSettings(f configFields) []string {
	var names []string
	for _, key := range sortedKeys(f.values) {
		neutral, known := neutralSettings[key]
		if known && f.has(key) && !slices.Contains(neutral, f.show(key)) {
			names = append(names, key)
		}
	}
	return names
}
