package lora_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/tokenizer"
	"github.com/vulora/vulora/tensor"
)

// must is for examples: other programs return the error.
func must[T any](x T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return x
}

// Two rows, a new adapter, twenty steps, and a folder that PEFT loads.
func Example() {
	const dir = "../cmd/vulora/demodata/qwen2-demo"
	device := must(tensor.Open("cpu", tensor.OpenOptions{}))
	defer device.Close()
	model := must(qwen2.Load(device, dir, qwen2.LoadOptions{}))
	defer model.Close()
	tok := must(tokenizer.Load(dir))

	rows := []data.Row{
		{Format: data.Completion, Prompt: "Who wrote this?", Output: " The founders of a small company did."},
		{Format: data.Completion, Prompt: "What is it for?", Output: " It fine-tunes language models."},
	}
	eos, _ := tok.EOS()
	examples, _, err := data.Build(rows, tok, nil, data.Options{AppendEOS: true, EOS: eos})
	if err != nil {
		log.Fatal(err)
	}
	config := peft.Default()
	config.Targets = peft.Modules{Pattern: peft.AllLinear}
	adapter := must(lora.NewAdapter(model, config, 42))
	defer adapter.Close()
	var first, last float64
	report := must(lora.Train(context.Background(), model, adapter, lora.TrainConfig{
		Examples: examples, Batches: data.Schedule{BatchSize: 2, Accumulation: 1, MaxSteps: 20}, LearningRate: 1e-2,
		TrainerOptions: lora.TrainerOptions{Optimizer: lora.Optimizer{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, MaxGradNorm: 1}},
		Observers: []lora.Observer{{OnStep: func(p lora.Progress) error {
			if p.Step == 1 {
				first = p.Loss
			}
			last = p.Loss
			return nil
		}}},
	}))
	out := must(os.MkdirTemp("", "adapter"))
	defer os.RemoveAll(out)
	if err := adapter.Save(out, peft.Card{}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Steps, "steps; the loss fell to less than half:", last < first/2)
	// Output: 20 steps; the loss fell to less than half: true
}
