package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
)

// readConfig reads config.json of a checkpoint and explains a folder that has none.
func readConfig(dir string) (*qwen2.Config, error) {
	c, err := qwen2.ReadConfig(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	if exists(dir, "adapter_config.json") {
		return nil, fmt.Errorf("%s: want a checkpoint with config.json, have an adapter: give it as --adapter, and its "+
			"base as --model", dir)
	}
	return nil, fmt.Errorf("%s: want a checkpoint with config.json, have none: %w", dir, err)
}

// otherBase adds to an error about an adapter that does not fit the model of that name which one it was made for.
func otherBase(err error, adapter, model string) error {
	if !errors.Is(err, lora.ErrMisfit) {
		return err
	}
	if c, _, e := lora.ReadConfig(adapter); e == nil && c.BaseModel != "" && c.BaseModel != model {
		return fmt.Errorf("%w\nits base_model_name_or_path is %q, the model here is %q: give the adapter's own base as "+
			"--model", err, c.BaseModel, model)
	}
	return err
}

// countModel returns the number of parameters of a model; a tied head counts once.
func countModel(c *qwen2.Config) int64 {
	embedding := int64(c.Vocab) * int64(c.Hidden)
	n := embedding + int64(c.Hidden)
	if !c.Tied {
		n += embedding
	}
	for _, m := range c.Modules() {
		if out, in := shape(c, m); !strings.HasSuffix(m, "lm_head") {
			n += out * in
			if biased(m) {
				n += out
			}
		}
	}
	return n + int64(c.Layers)*2*int64(c.Hidden)
}

// countAdapter returns the numbers of trained and of all parameters of a model with an adapter. Trained biases are
// among the model's own parameters.
func countAdapter(c *qwen2.Config, pc *peft.Config, targets []string) (trained, all int64) {
	for _, t := range targets {
		out, in := shape(c, t)
		trained += int64(pc.Rank(t)) * (out + in)
	}
	all = countModel(c) + trained
	var withBias []string
	for _, m := range c.Modules() {
		if biased(m) {
			withBias = append(withBias, m)
		}
	}
	for _, key := range pc.Biases(withBias, targets) {
		module, _, _ := peft.ParseKey(key)
		out, _ := shape(c, module)
		trained += out
	}
	return trained, all
}

func shape(c *qwen2.Config, module string) (out, in int64) {
	o, i := c.LinearShape(module)
	return int64(o), int64(i)
}

// biased tells whether a linear layer of Qwen2 has a bias.
func biased(module string) bool {
	return slices.Contains([]string{"q_proj", "k_proj", "v_proj"}, peft.ShortNames([]string{module})[0])
}
