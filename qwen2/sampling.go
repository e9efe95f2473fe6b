package qwen2

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
)

// Sampling says how the next token is chosen. The zero value is greedy. The order of the steps and their rules are
// those of transformers' logits processors: repetition penalty, temperature, top-k, top-p, min-p.
type Sampling struct {
	Sample            bool    // draw from the distribution; otherwise take the best and ignore all but RepetitionPenalty
	Temperature       float64 // logits are divided by it; 0 means 1
	TopK              int     // keep the k best and what ties with the last of them; 0 keeps all
	TopP              float64 // keep the best that together have this probability; 0 means 1
	MinP              float64 // keep what has at least this share of the best one's probability
	RepetitionPenalty float64 // of tokens that occur in the prompt or the answer; 0 means 1
	Seed              uint64
}

// Check reports values out of range.
func (s Sampling) Check() error {
	switch {
	case s.Temperature < 0 || math.IsNaN(s.Temperature) || math.IsInf(s.Temperature, 0):
		return fmt.Errorf("qwen2: sampling: want a temperature of at least 0, have %v", s.Temperature)
	case s.TopK < 0:
		return fmt.Errorf("qwen2: sampling: want a top-k of at least 0, have %d", s.TopK)
	case s.TopP < 0 || s.TopP > 1 || math.IsNaN(s.TopP):
		return fmt.Errorf("qwen2: sampling: want a top-p in [0, 1], have %v", s.TopP)
	case s.MinP < 0 || s.MinP > 1 || math.IsNaN(s.MinP):
		return fmt.Errorf("qwen2: sampling: want a min-p in [0, 1], have %v", s.MinP)
	case s.RepetitionPenalty < 0 || math.IsNaN(s.RepetitionPenalty) || math.IsInf(s.RepetitionPenalty, 0):
		return fmt.Errorf("qwen2: sampling: want a repetition penalty above 0, have %v", s.RepetitionPenalty)
	}
	return nil
}

// plain reports whether the choice is the largest logit as it is, so that the logits need not leave the device.
func (s Sampling) plain() bool {
	return !s.Sample && (s.RepetitionPenalty == 0 || s.RepetitionPenalty == 1)
}

// process applies the steps to logits, in place; removed entries become −Inf. seen are the tokens of the prompt and of
// the answer so far.
func (s Sampling) process(logits []float32, seen []int32) {
	if p := float32(s.RepetitionPenalty); p != 0 && p != 1 {
		penalise(logits, seen, p)
	}
	if !s.Sample {
		return
	}
	if t := float32(s.Temperature); t != 0 && t != 1 {
		for i := range logits {
			logits[i] /= t
		}
	}
	if s.TopK > 0 && s.TopK < len(logits) {
		keepTopK(logits, s.TopK)
	}
	if s.TopP > 0 && s.TopP < 1 {
		keepTopP(logits, s.TopP)
	}
	if s.MinP > 0 {
		keepMinP(logits, s.MinP)
	}
}

func penalise(logits []float32, seen []int32, p float32) {
	done := make(map[int32]bool, len(seen))
	for _, id := range seen {
		if id < 0 || int(id) >= len(logits) || done[id] {
			continue
		}
		done[id] = true
		if logits[id] < 0 {
			logits[id] *= p
		} else {
			logits[id] /= p
		}
	}
}

var removed = float32(math.Inf(-1))

func keepTopK(logits []float32, k int) {
	sorted := slices.Clone(logits)
	slices.Sort(sorted)
	least := sorted[len(sorted)-k]
	for i, v := range logits {
		if v < least {
			logits[i] = removed
		}
	}
}

// keepTopP removes the worst entries whose probabilities add up to at most 1−p, and keeps at least one.
func keepTopP(logits []float32, p float64) {
	prob := softmax(logits)
	order := make([]int, len(logits))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return logits[order[i]] < logits[order[j]] })
	sum := 0.0
	for _, i := range order[:len(order)-1] {
		if sum += prob[i]; sum <= 1-p {
			logits[i] = removed
		}
	}
}

func keepMinP(logits []float32, p float64) {
	prob := softmax(logits)
	least := p * slices.Max(prob)
	for i, q := range prob {
		if q < least {
			logits[i] = removed
		}
	}
}

func softmax(logits []float32) []float64 {
	top := float64(slices.Max(logits))
	p, sum := make([]float64, len(logits)), 0.0
	for i, v := range logits {
		p[i] = math.Exp(float64(v) - top)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// choose returns the next token from logits, which it changes.
func (s Sampling) choose(logits []float32, seen []int32, rng *rand.Rand) int32 {
	s.process(logits, seen)
	if !s.Sample {
		best := 0
		for i, v := range logits {
			if v > logits[best] {
				best = i
			}
		}
		return int32(best)
	}
	u, last := rng.Float64(), 0
	for i, p := range softmax(logits) {
		if p == 0 {
			continue
		}
		if u -= p; u < 0 {
			return int32(i)
		}
		last = i
	}
	return int32(last) // rounding left a sliver beyond the last one
}
