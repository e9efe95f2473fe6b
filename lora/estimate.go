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
	e := Estimate{Steps: plan.Steps(), LargestTokens: k.t.largest.tokens, Memory: m.Device.Usage()}
	return e, k.close()
}
