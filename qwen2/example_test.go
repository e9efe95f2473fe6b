package qwen2_test

import (
	"context"
	"fmt"
	"log"

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

// A device, a checkpoint's folder, and an answer of the likeliest tokens, piece by piece.
func Example() {
	const dir = "../cmd/vulora/demodata/qwen2-demo"
	device := must(tensor.Open("cpu", tensor.OpenOptions{}))
	defer device.Close()
	model := must(qwen2.Load(device, dir, qwen2.LoadOptions{Positions: 256}))
	defer model.Close()
	tok := must(tokenizer.Load(dir))
	session := must(model.NewSession(256, nil))
	defer session.Close()

	const prompt = "Below is an instruction that describes a task. Write a response that appropriately completes the " +
		"request.\n\n### Instruction:\nWhat is the capital of Japan?\n\n### Response:\n"
	eos, _ := tok.EOS()
	answer := must(session.Generate(context.Background(), tok.Encode(prompt), qwen2.GenerateOptions{
		MaxNewTokens: 40, EOS: []int32{eos}, Decoder: tok.Stream(true), OnText: func(s string) { fmt.Print(s) }}))
	fmt.Println("\nended by", answer.Reason)
	// Output:
	// The capital of Japan is Tokyo.
	// ended by eos
}
