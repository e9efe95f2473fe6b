package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/tensor"
)

// memoryOptions say how rows are computed, which is what memory depends on.
type memoryOptions struct {
	limit         byteSize
	checkpointing string
	packing       bool
	packingTokens int

	found  lora.Fit // what was chosen
	why    string   // it was
	beside int64    // bytes that the plan does not count
}

func (o *memoryOptions) add(f *flags) {
	f.group("Memory", func(s *pflag.FlagSet) {
		s.Var(&o.limit, "memory", "`SIZE` that the run has to fit, as 4GiB: activations are computed twice and batches cut "+
			"smaller, with the same gradients, as far as it takes")
		choose(s, &o.checkpointing, "gradient-checkpointing",
			"compute activations twice instead of keeping them; auto does it where they would not fit --memory, or the "+
				"memory that is free", "auto", "on", "off")
		s.BoolVar(&o.packing, "packing", true, "compute rows of several batches of a step together; --no-packing computes "+
			"batch after batch")
		s.IntVar(&o.packingTokens, "packing-tokens", 0, "tokens that are computed together at most, but for a longer row; "+
			"0 for what keeps the device busy and fits")
	})
}

func (o *memoryOptions) check() error {
	if o.packingTokens < 0 {
		return usagef("--packing-tokens: want at least 0, have %d", o.packingTokens)
	}
	return nil
}

// Tokens of a pass from which on a device is busy: more make it no faster.
const (
	busyCPU = 256
	busyGPU = 4096 // some thousand multiply-adds for each of 10⁴ lanes
)

// programBytes is what the program, Go's heap and the Vulkan drivers that were asked for devices take beside a plan for
// the CPU, in bytes, the rows left out: 50 to 130 MiB.
const programBytes = 128 << 20

// fit chooses how the rows are computed, before the model is loaded: on a device without memory.
func (o *trainOptions) fit(s *shell, d tensor.Device, rows *dataset, probe lora.ProbeOptions) error {
	m := &o.memory
	if o.save.from != "" && m.packingTokens == 0 {
		cut, err := lora.CutOf(o.save.from)
		if err != nil {
			return err
		}
		if cut.Merge == m.packing {
			m.packingTokens = cut.Tokens
		}
	}
	info := d.Info()
	fo := lora.FitOptions{Memory: m.limit.bytes, Tokens: m.packingTokens, Busy: busyGPU,
		Recompute: map[string][]bool{"auto": {false, true}, "on": {true}, "off": {false}}[m.checkpointing]}
	free, beside := freeMemory(info.Kind, info.Memory), int64(0)
	if info.Kind == "cpu" || info.Kind == "software" {
		fo.Busy = busyCPU
	}
	if info.Kind == "cpu" {
		beside = programBytes + 8*int64(rows.report.Tokens)
	}
	if fo.Memory == 0 {
		fo.Memory = free / 10 * 9
	}
	if fo.Memory > 0 {
		fo.Memory = max(1, fo.Memory-beside)
	}
	f, err := o.fitOn(s, d, rows, probe, fo)
	m.found, m.why, m.beside = f, "", beside
	switch {
	case errors.Is(err, lora.ErrTooLarge) && m.limit.bytes > 0:
		return o.tooLarge(s, d, rows, probe, fo, f)
	case errors.Is(err, lora.ErrTooLarge): // it may go well all the same: what is free is a guess
		m.why = fmt.Sprintf("which is more than the %s that are free", bytesText(free))
	case err != nil:
		return err
	case f.Preferred.Memory != f.Memory && m.limit.bytes > 0:
		m.why = fmt.Sprintf("to fit --memory %s; otherwise it would be %s", &m.limit, bytesText(f.Preferred.Memory.Total()+
			beside))
	case f.Preferred.Memory != f.Memory:
		m.why = fmt.Sprintf("to fit the %s that are free; otherwise it would be %s", bytesText(free),
			bytesText(f.Preferred.Memory.Total()+beside))
	}
	m.checkpointing = map[bool]string{true: "on", false: "off"}[f.Recompute] // so that run.yaml has it
	m.packingTokens = f.Cut.Tokens
	return nil
}

// describe says what was chosen, and why.
func (o *memoryOptions) describe(s *shell) {
	how := "activations are kept"
	if o.found.Recompute {
		how = "activations are computed twice (--gradient-checkpointing)"
	}
	packed := "off, each batch by itself"
	if o.packing {
		packed = "on"
	}
	if o.why != "" {
		how += ", " + o.why
	}
	limit := countText(o.found.Cut.Tokens) + " tokens at once" // as run.yaml has it
	if o.found.LargestTokens != o.found.Cut.Tokens {
		limit += fmt.Sprintf(" (the largest pass has %s, padding included)", countText(o.found.LargestTokens))
	}
	s.fact("packing", "%s, up to %s; %s", packed, limit, how)
}

// fitOn is fit with an outline of the model on d, as the options say.
func (o *trainOptions) fitOn(s *shell, d tensor.Device, rows *dataset, probe lora.ProbeOptions, fo lora.FitOptions) (
	f lora.Fit, err error) {
	quiet := &shell{ctx: s.ctx, out: io.Discard, err: io.Discard}
	dry := d.Dry()
	defer dry.Close()
	mo := o.model
	mo.outline = true
	m, err := mo.load(quiet, dry, positions(o.data.maxLength, probe))
	if err != nil {
		return f, err
	}
	defer m.Close()
	a, err := o.newAdapter(quiet, m)
	if err != nil {
		return f, err
	}
	defer a.Close()
	c := o.loop.trainConfig(rows.examples, o.data.shuffle)
	c.Eval, c.Probe, c.Cut.Merge = o.between.eval(rows), probe, o.memory.packing
	return lora.FitTraining(m, a, c, fo)
}
