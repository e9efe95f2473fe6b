package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/tensor"
)

// A remedy is a flag that makes a run smaller.
type remedy struct {
	flag  string
	apply func(o *trainOptions, fo *lora.FitOptions)
}

// remedies are those that change something in o.
func (o *trainOptions) remedies(fo lora.FitOptions) (all []remedy) {
	if !slices.Contains(fo.Recompute, true) {
		all = append(all, remedy{"--gradient-checkpointing on",
			func(_ *trainOptions, fo *lora.FitOptions) { fo.Recompute = []bool{true} }})
	}
	if o.save.from != "" { // anything else would be another run
		return all
	}
	if fo.Tokens > 0 {
		all = append(all, remedy{"--packing-tokens 0", func(_ *trainOptions, fo *lora.FitOptions) { fo.Tokens = 0 }})
	}
	if o.model.quantization == "none" {
		all = append(all, remedy{"--quantization nf4",
			func(o *trainOptions, _ *lora.FitOptions) { o.model.quantization = "nf4" }})
	}
	if o.model.head == "none" {
		all = append(all, remedy{"--head int8", func(o *trainOptions, _ *lora.FitOptions) { o.model.head = "int8" }})
	}
	return all
}

// tooLarge is the error of a run that does not fit --memory, with what would make it fit: every remedy was tried.
func (o *trainOptions) tooLarge(s *shell, d tensor.Device, rows *dataset, probe lora.ProbeOptions, fo lora.FitOptions,
	least lora.Fit) error {
	beside := o.memory.beside
	try := func(rows *dataset, remedies ...remedy) (lora.Fit, error) {
		other, with := *o, fo
		for _, r := range remedies {
			r.apply(&other, &with)
		}
		return other.fitOn(s, d, rows, probe, with)
	}
	text := fmt.Sprintf("--memory %s: want a run that fits, have one of at least %s", &o.memory.limit,
		bytesText(least.Memory.Total()+beside))
	if beside > 0 {
		text += fmt.Sprintf(", %s of them for the program and the rows", bytesText(beside))
	}
	var works, all []string
	var useful []remedy
	for _, r := range o.remedies(fo) {
		f, err := try(rows, r)
		switch {
		case err == nil:
			works = append(works, r.flag)
		case errors.Is(err, lora.ErrTooLarge) && f.Memory.Total() < least.Memory.Total():
		default:
			continue // a checkpoint that is quantised already, for one
		}
		useful, all = append(useful, r), append(all, r.flag)
	}
	cut := func(remedies ...remedy) int {
		if o.save.from != "" {
			return 0
		}
		return shorter(rows, func(short *dataset) bool { _, err := try(short, remedies...); return err == nil })
	}
	if n := cut(); n > 0 {
		works = append(works, fmt.Sprintf("--max-length %d", n))
	}
	if len(works) > 0 {
		return usagef("%s: it would fit with %s", text, strings.Join(works, ", or "))
	}
	f, err := try(rows, useful...)
	if err == nil {
		return usagef("%s: it would fit with %s together", text, strings.Join(all, " "))
	}
	if !errors.Is(err, lora.ErrTooLarge) {
		return usagef("%s", text)
	}
	if n := cut(useful...); n > 0 {
		return usagef("%s: it would fit with %s", text, strings.Join(append(all, fmt.Sprintf("--max-length %d", n)), " "))
	}
	if len(all) == 0 {
		return usagef("%s: more memory or a smaller model is what would help", text)
	}
	return usagef("%s: even %s would take %s: more memory or a smaller model is what would help", text,
		strings.Join(all, " "), bytesText(f.Memory.Total()+beside))
}

// leastLength is the shortest --max-length that is worth advising.
const leastLength = 32

// shorter finds the longest rows, in multiples of 32 tokens, with which fits is true, or returns 0.
func shorter(rows *dataset, fits func(*dataset) bool) int {
	longest := 0
	for _, e := range rows.examples {
		longest = max(longest, len(e.IDs))
	}
	yes, no := 0, (longest+leastLength-1)/leastLength // of leastLength
	for no-yes > 1 {
		if n := (yes + no) / 2; fits(rows.cut(n * leastLength)) {
			yes = n
		} else {
			no = n
		}
	}
	return yes * leastLength
}

// cut is d with rows of at most n tokens.
func (d *dataset) cut(n int) *dataset {
	short := *d
	short.examples = make([]data.Example, len(d.examples))
	for i, e := range d.examples {
		m := min(n, len(e.IDs))
		e.IDs, e.Labels = e.IDs[:m], e.Labels[:m]
		short.examples[i] = e
	}
	if d.eval != nil {
		short.eval = d.eval.cut(n)
	}
	return &short
}
