package lora

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/tensor/kernel"
)

// MergeOptions of Merge; the zero value keeps the type of every tensor and refuses a 4-bit base.
type MergeOptions struct {
	DType string // of all float tensors in the result: F32, F16 or BF16; empty keeps each one's own
	// Dequantize merges into the values that a 4-bit base has, which become of the type they had before they were
	// quantised. Otherwise such a base is ErrQuantized.
	Dequantize bool
	Overwrite  bool // write into a folder that holds other things

	OnModule func(MergedModule) // called after each weight
}

// MergedModule tells what merging did to one weight. Norms are Frobenius's.
type MergedModule struct {
	Module string
	Delta  float64 // ‖Δ‖ of what the adapter adds to W
	Error  float64 // ‖W′ − (W + Δ)‖ of what rounding to the file's type makes of it
}

// MergeReport is what Merge did.
type MergeReport struct {
	Modules  []MergedModule // in the model's order
	Biases   int            // replaced by trained ones
	Bytes    int64          // of weights written
	DoRA     bool
	Warnings []string // settings of the adapter that are not known and were ignored
}

// ErrQuantized is returned by Merge for a base in bitsandbytes' 4-bit format.
var ErrQuantized = errors.New("the base is quantised to 4 bits")

// Merge writes the checkpoint in base with the adapter in dir merged into it to output: W + scaling·B·A for LoRA, and
// with DoRA m·(W + scaling·B·A)/‖W + scaling·B·A‖ row by row; trained biases take the places of the base's. Sums are in
// float64, rounded to float32 and from that to the type of the file.
//
// Tensors are made and written one after the other, a few rows at a time, in files of the same names as the base's.
// Files are complete or not there, config.json, without which nothing loads the folder, comes last, and when something
// fails what was written is removed. A folder with other things in it is an error, as is that of base or adapter.
func Merge(ctx context.Context, base, dir, output string, o MergeOptions) (*MergeReport, error) {
	m := &merger{ctx: ctx, dir: base, o: o, report: &MergeReport{}}
	if _, ok := floatSizes[o.DType]; !ok && o.DType != "" {
		return nil, fmt.Errorf("lora: merge: dtype: want F32, F16 or BF16, have %q", o.DType)
	}
	var err error
	if m.config, err = qwen2.ReadConfig(base); err != nil {
		return nil, err
	}
	if m.base, err = safetensors.OpenModel(base); err != nil {
		return nil, err
	}
	defer m.base.Close()
	if err := m.readAdapter(dir); err != nil {
		return nil, fmt.Errorf("lora: merge: %s: %w", dir, err)
	}
	if err := m.checkBase(); err != nil {
		return nil, fmt.Errorf("lora: merge: %s: %w", base, err)
	}
	if err := m.write(output, dir); err != nil {
		return nil, fmt.Errorf("lora: merge: %w", err)
	}
	order := m.config.Modules()
	slices.SortFunc(m.report.Modules, func(a, b MergedModule) int {
		return slices.Index(order, a.Module) - slices.Index(order, b.Module)
	})
	return m.report, nil
}

// merger is one run of Merge.
type merger struct {
	ctx     context.Context
	dir     string // of the base
	o       MergeOptions
	config  *qwen2.Config
	base    *safetensors.Model
	targets map[string]*mergeTarget // by the name of the weight
	biases  map[string][]float32    // by name, those that were trained
	report  *MergeReport
}

// readAdapter reads the whole adapter.
func (m *merger) readAdapter(dir string) error {
	read, warnings, err := ReadConfig(dir)
	if err != nil {
		return err
	}
	m.report.Warnings = warnings
	c, dora := read.WithoutDoRA()
	m.report.DoRA = dora
	modules, _, err := peft.Match(&c, m.config.Modules())
	if err != nil {
		return err
	}
	if m.config.Tied && slices.Contains(modules, "lm_head") {
		return fmt.Errorf("target_modules: want modules of the blocks, have lm_head, which is the embedding as well")
	}
	f, err := safetensors.Open(filepath.Join(dir, weightsFile))
	if err != nil {
		return err
	}
	defer f.Close()
	l := newLayout(kernel.Info{})
	l.addAdapter(m.config, &c, modules, dora)
	if err := l.check(f); err != nil {
		return err
	}
	x := map[string][]float32{}
	for _, s := range l.slots {
		t, _ := f.Tensor(s.key)
		x[s.key] = make([]float32, s.spec.Len())
		if err := safetensors.Floats(t, x[s.key]); err != nil {
			return err
		}
	}
	m.targets, m.biases = map[string]*mergeTarget{}, map[string][]float32{}
	for _, t := range modules {
		m.targets[t+".weight"] = &mergeTarget{module: t, r: c.Rank(t), scale: c.Scaling(t),
			a: x[peft.Key(t, peft.PartA)], b: x[peft.Key(t, peft.PartB)], magnitude: x[peft.Key(t, peft.PartMagnitude)]}
	}
	for key, values := range x {
		if module, part, _ := peft.ParseKey(key); part == peft.PartBias || part == peft.PartBaseBias {
			m.biases[module+".bias"] = values
		}
	}
	m.report.Biases = len(m.biases)
	return nil
}

// checkBase finds everything about the base that merging cannot work with.
func (m *merger) checkBase() error {
	var bad []string
	want := func(name string, shape ...int) {
		t, ok := m.base.Tensor(name)
		_, float := floatSizes[t.DType]
		switch {
		case bnb.Quantized(m.base.Tensor, name): // its shape is checked when it is decoded
		case !ok:
			bad = append(bad, fmt.Sprintf("%s: want %v, have no such tensor", name, shape))
		case !slices.Equal(t.Shape, shape) || !float:
			bad = append(bad, fmt.Sprintf("%s: want F32, F16 or BF16 of %v, have %s of %v", name, shape, t.DType, t.Shape))
		}
	}
	for _, name := range m.base.Names() {
		if bnb.Quantized(m.base.Tensor, name) && !m.o.Dequantize {
			return fmt.Errorf("%w: %s", ErrQuantized, name)
		}
	}
	for name, t := range m.targets {
		out, in := m.config.LinearShape(t.module)
		want(name, out, in)
	}
	for name, x := range m.biases {
		want(name, len(x))
	}
	if len(bad) == 0 {
		return nil
	}
	slices.Sort(bad)
	return fmt.Errorf("the checkpoint does not fit the adapter:\n  %s", strings.Join(bad, "\n  "))
}
