package main

import (
	"math"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/qwen2"
)

// sampleOptions say how tokens are chosen. What is not given is as generation_config.json says.
type sampleOptions struct {
	newTokens               int
	temperature, topP, minP float64
	topK                    int
	repetitionPenalty       float64
	greedy                  bool
	seed                    uint64
	stop                    []string
}

func (o *sampleOptions) add(f *flags) {
	f.group("Sampling (defaults are those of generation_config.json)", func(s *pflag.FlagSet) {
		s.IntVar(&o.newTokens, "max-new-tokens", 0, "longest answer; without the file's 256")
		s.BoolVar(&o.greedy, "greedy", false, "always take the likeliest token")
		s.Float64Var(&o.temperature, "temperature", 0, "divides the logits; 0 is greedy")
		s.IntVar(&o.topK, "top-k", 0, "keep the K likeliest tokens, 0 for all")
		s.Float64Var(&o.topP, "top-p", 0, "keep the likeliest tokens of this total probability, 1 for all")
		s.Float64Var(&o.minP, "min-p", 0, "drop tokens below this share of the likeliest one's probability")
		s.Float64Var(&o.repetitionPenalty, "repetition-penalty", 0, "of tokens that have occurred, 1 for none; also "+
			"counts with --greedy")
		s.Uint64Var(&o.seed, "seed", 42, "of the sampling")
		s.StringArrayVar(&o.stop, "stop", nil, "`TEXT` that ends the answer and is not part of it; may be repeated")
	})
}

func (o *sampleOptions) check(f *flags) error {
	switch {
	case f.given("max-new-tokens") && o.newTokens < 1:
		return usagef("--max-new-tokens: want at least 1, have %d", o.newTokens)
	case f.given("repetition-penalty") && !(o.repetitionPenalty > 0 && o.repetitionPenalty <= math.MaxFloat64):
		return usagef("--repetition-penalty: want more than 0, have %v", o.repetitionPenalty)
	case f.given("top-p") && !(o.topP > 0 && o.topP <= 1):
		return usagef("--top-p: want more than 0 and at most 1, have %v", o.topP)
	case !(o.temperature >= 0 && o.temperature <= math.MaxFloat64):
		return usagef("--temperature: want at least 0, have %v", o.temperature)
	case o.topK < 0:
		return usagef("--top-k: want at least 0, have %d", o.topK)
	case !(o.minP >= 0 && o.minP <= 1):
		return usagef("--min-p: want 0 to 1, have %v", o.minP)
	case o.greedy && (f.source["temperature"] == "flag" && o.temperature > 0):
		return usagef("want either --greedy or --temperature, have both")
	}
	return nil
}

// sampleSettings are options completed by a model's defaults.
type sampleSettings struct {
	sampling  qwen2.Sampling
	newTokens int
	exactly   bool // the user asked for so many
	eos       []int32
	stop      []string
}

// settings completes o. A given temperature, top-k, top-p or min-p means to sample, unless something says greedy.
func (o *sampleOptions) settings(f *flags, gc qwen2.GenerationConfig) sampleSettings {
	for _, name := range []string{"temperature", "top-k", "top-p", "min-p"} {
		gc.DoSample = gc.DoSample || f.given(name)
	}
	given := func(name string, set func()) {
		if f.given(name) {
			set()
		}
	}
	given("temperature", func() { gc.Temperature = o.temperature })
	given("top-k", func() { gc.TopK = o.topK })
	given("top-p", func() { gc.TopP = o.topP })
	given("min-p", func() { gc.MinP = o.minP })
	given("repetition-penalty", func() { gc.RepetitionPenalty = o.repetitionPenalty })
	if o.greedy || f.given("temperature") && o.temperature == 0 {
		gc.DoSample = false
	}
	s := sampleSettings{sampling: gc.Sampling(), newTokens: gc.MaxNewTokens, stop: o.stop}
	s.sampling.Seed = o.seed
	if f.given("max-new-tokens") {
		s.newTokens, s.exactly = o.newTokens, true
	}
	if s.newTokens == 0 {
		s.newTokens = defaultNewTokens
	}
	for _, id := range gc.EOS {
		s.eos = append(s.eos, int32(id))
	}
	return s
}
