package main

import (
	"fmt"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/tensor/kernel"
)

func planCommand() command {
	return command{
		name: "plan", brief: "what a training run would take, without loading the model",
		long: "Takes the flags of train and says what memory it would make on the device, for what, and how many steps\n" +
			"and tokens it would be. The figures are those that train prints: both are counted by the same code, which here\n" +
			"runs on a device without memory. The program itself and Go's heap come on top, about 100 MiB.",
		examples: []string{
			"vulora plan --model ./Qwen2.5-0.5B --data rows.json",
			"vulora plan --model ./Qwen2.5-0.5B --data rows.json --quantization nf4 --double-quant --head int8 --json",
		},
		setup: func(f *flags) func(s *shell) error {
			o := new(trainOptions)
			o.add(f)
			return func(s *shell) error { return o.plan(s, f) }
		},
	}
}

func (o *trainOptions) plan(s *shell, f *flags) error {
	o.model.outline = true
	c, err := o.check(s, f)
	if err != nil {
		return err
	}
	return o.with(s, c, (*training).plan)
}

// planResult is what plan --json prints; memory is in bytes.
type planResult struct {
	Device        string    `json:"device"`
	Steps         int       `json:"steps"`
	Tokens        int       `json:"tokens_in_a_pass"`
	LargestTokens int       `json:"tokens_at_once"`
	Checkpointing string    `json:"gradient_checkpointing"` // what train would choose
	PackingTokens int       `json:"packing_tokens"`
	Seconds       float64   `json:"seconds,omitempty"` // of training
	Beside        int64     `json:"beside"`            // memory of the program and the rows, where it is the device's
	DeviceMemory  int64     `json:"device_memory"`
	On            planBytes `json:"checkpointing_on"`
	Off           planBytes `json:"checkpointing_off"`
}

// planBytes is memory by purpose.
type planBytes map[string]int64

// plan prints what run would take. The device counts and has no memory.
func (t *training) plan() error {
	t.describe()
	r := planResult{Device: t.device.Info().Name, Tokens: t.rows.report.Tokens, DeviceMemory: t.device.Info().Memory}
	m := &t.o.memory
	seconds, how, err := t.duration()
	if err != nil {
		return err
	}
	r.Seconds = seconds
	r.Checkpointing, r.PackingTokens, r.Beside = m.checkpointing, m.packingTokens, m.beside
	for _, twice := range []bool{true, false} {
		c := t.config()
		c.Recompute = twice
		e, err := lora.EstimateTraining(t.model, t.adapter, c)
		if err != nil {
			return err
		}
		r.Steps, r.LargestTokens = e.Steps, e.LargestTokens
		b := planBytes{"total": e.Memory.Total()}
		for p, n := range e.Memory {
			if n > 0 {
				b[kernel.Purpose(p).String()] = n
			}
		}
		if twice {
			r.On = b
		} else {
			r.Off = b
		}
	}
	if t.o.json {
		return t.s.json(r)
	}
	return t.printPlan(&r, how)
}

func (t *training) printPlan(r *planResult, how string) error {
	out := t.s.out
	fmt.Fprintf(out, "%s steps, %s tokens in a pass, at most %s tokens at once\n\n", countText(r.Steps),
		countText(r.Tokens), countText(r.LargestTokens))
	fmt.Fprintf(out, "%-12s %12s %12s\n", "memory", "", "--gradient-")
	fmt.Fprintf(out, "%-12s %12s %12s\n", "", "kept", "checkpointing")
	for p := range kernel.Purposes {
		if name := p.String(); r.On[name]+r.Off[name] > 0 {
			fmt.Fprintf(out, "%-12s %12s %12s\n", name, bytesText(r.Off[name]), bytesText(r.On[name]))
		}
	}
	fmt.Fprintf(out, "%-12s %12s %12s\n\n", "total", bytesText(r.Off["total"]), bytesText(r.On["total"]))
	total := map[string]planBytes{"on": r.On, "off": r.Off}[r.Checkpointing]["total"]
	fmt.Fprintf(out, "train would take %s, with --gradient-checkpointing %s", bytesText(total), r.Checkpointing)
	if r.DeviceMemory > 0 {
		fmt.Fprintf(out, ", of the device's %s", bytesText(r.DeviceMemory))
	}
	_, err := fmt.Fprintf(out, "\nand %s\n", how)
	if r.DeviceMemory > 0 && total > r.DeviceMemory {
		t.s.note("that is more than there is: try --gradient-checkpointing on, --quantization nf4 --double-quant, " +
			"--head int8, a smaller --batch-size with more --gradient-accumulation-steps, or a shorter --max-length")
	}
	return err
}
