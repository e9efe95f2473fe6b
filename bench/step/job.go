package step

import (
	"slices"

	"github.com/vulora/vulora/bench"
	"github.com/vulora/vulora/qwen2"
)

// A Job is what is timed: an optimizer step on rows of given lengths, or the reading of a prompt, or one token after a
// context.
type Job struct {
	Name            string
	Rows            []int // tokens of the rows of a step, two in a micro-batch, of which every token is supervised
	Prompt, Context int   // tokens
}

// Jobs are those that vulora bench times. The ragged rows are as long as short instructions with their answers are.
func Jobs() []Job {
	return []Job{
		{Name: "train 1x128", Rows: []int{128}},
		{Name: "train 2x512", Rows: []int{512, 512}},
		{Name: "train ragged", Rows: []int{68, 190, 43, 127, 301, 55, 96, 74}},
		{Name: "prefill 512", Prompt: 512},
		{Name: "decode 128", Context: 128},
		{Name: "decode 2048", Context: 2048},
	}
}

// Positions returns the length of the longest sequence of j.
func (j Job) Positions() int { return max(slices.Max(append(j.Rows, j.Prompt)), j.Context+decoded) }

// decoded is how many tokens are written before the context is restored.
const decoded = 32

// Config returns the configuration of the published model of a shape.
func Config(s bench.Shape) qwen2.Config {
	return qwen2.Config{Hidden: int(s.Hidden), Layers: int(s.Layers), Heads: int(s.Heads), KVHeads: int(s.KVHeads),
		HeadDim: int(s.HeadDim), Intermediate: int(s.Feed), Vocab: int(s.Vocab), MaxPositions: 32768, RopeTheta: 1e6,
		NormEps: 1e-6, Tied: true, BOS: -1, Pad: -1}
}

// pairs returns how many pairs of a query and a key causal attention looks at in a row of n tokens.
func pairs(n int) float64 { return float64(n) * float64(n+1) / 2 }

// attention returns the FLOP of all layers' attention over pairs of a query and a key, of products of the heads' length
// for each: 2 in the forward pass, and 7 in a backward pass that keeps no scores.
func attention(c *qwen2.Config, products, pairs float64) float64 {
	return float64(c.Layers) * products * 2 * float64(c.Heads*c.HeadDim) * pairs
}
