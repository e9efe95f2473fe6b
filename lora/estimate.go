package lora

import (
	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor/kernel"
)

// An Estimate is what a run takes.
type Estimate struct {
	Steps         int
	LargestTokens int          // of a pass, padding to the bucket included
	Memory        kernel.Usage // of the device, bytes
	FLOPs         float64      // of the whole run, those of norms and the like left out
}

// EstimateTraining makes everything that Train makes before its first step and frees it again. With a model that is an
// outline on a dry device nothing is loaded or taken, and the figures are those of Train on the device itself.
func EstimateTraining(m *qwen2.Model, a *Adapter, c TrainConfig) (Estimate, error) {
	plan, err := data.NewPlan(len(c.Examples), c.Batches)
	if err != nil {
		return Estimate{}, err
	}
	if err := checkExamples(m, c.Examples); err != nil {
		return Estimate{}, err
	}
	k, err := c.newMachine(m, a, plan)
	if err != nil {
		return Estimate{}, err
	}
	e := Estimate{Steps: plan.Steps(), LargestTokens: k.t.largest.tokens, Memory: m.Device.Usage(),
		FLOPs: c.flops(&m.Config, a, plan)}
	return e, k.close()
}

// flops counts the multiplications and additions of an epoch's products and takes the other epochs to be like it. A
// product with a frozen weight is computed forwards and for the gradient of its input, one with an adapter for that of
// its weights too; attention's backward has five products for two.
func (c *TrainConfig) flops(m *qwen2.Config, a *Adapter, plan *data.Plan) (sum float64) {
	weights := 0
	for _, name := range m.Modules()[:7*m.Layers] {
		out, in := m.LinearShape(name)
		weights += out * in
	}
	again := 0.0 // what recomputation does once more: all but the last product of each block
	if c.Recompute {
		again = 1 - float64(m.Layers*m.Intermediate*m.Hidden)/float64(weights)
	}
	perToken := (4+2*again)*float64(weights) + 6*float64(a.Params())
	perLabel := 4 * float64(m.Vocab) * float64(m.Hidden)
	perPair := 7.0 * float64(m.Layers*m.Heads*m.HeadDim) // of tokens in a row, half of which are masked
	if c.Recompute {
		perPair += perPair * 2 / 7
	}
	for s := range plan.From(0) {
		if s.Index == plan.StepsPerEpoch() {
			break
		}
		for _, b := range c.passes(s) {
			z := sizeOf(b)
			sum += perToken*float64(z.tokens) + perLabel*float64(z.rows)
			for _, e := range b {
				sum += perPair * float64(len(e.IDs)) * float64(len(e.IDs))
			}
		}
	}
	return sum * float64(plan.Steps()) / float64(min(plan.Steps(), plan.StepsPerEpoch()))
}
