package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/bnb"
)

// quantizeOptions are the flags of quantize.
type quantizeOptions struct {
	model  modelOptions // --model, --quantization, --double-quant
	output string
}

func quantizeCommand() command {
	return command{
		name: "quantize", brief: "write a checkpoint with 4-bit weights",
		long: "Writes a checkpoint as transformers saves it when bitsandbytes has quantised the linear layers to 4 bits:\n" +
			"transformers loads it, and so do train and generate here, without quantising again.",
		examples: []string{
			"vulora quantize --model ./Qwen2.5-0.5B --output ./Qwen2.5-0.5B-nf4 --quantization nf4 --double-quant",
			"vulora generate --model ./Qwen2.5-0.5B-nf4 --prompt Hello",
		},
		setup: func(f *flags) func(s *shell) error {
			o := new(quantizeOptions)
			f.group("Model", o.model.addModel)
			f.group("Output", func(s *pflag.FlagSet) {
				s.StringVar(&o.output, "output", "", "new `DIR` for the checkpoint")
				choose(s, &o.model.quantization, "quantization", "of the linear layers", "nf4", "fp4")
				s.BoolVar(&o.model.doubleQuant, "double-quant", false, "store the scales in 8 bits")
			})
			return func(s *shell) error { return o.run(s) }
		},
	}
}

func (o *quantizeOptions) run(s *shell) error {
	if o.output == "" {
		return usagef("--output: want a folder for the checkpoint, have none")
	}
	if err := o.model.resolve(); err != nil {
		return err
	}
	if _, err := readConfig(o.model.dir); err != nil {
		return err
	}
	undo, err := newFolder(o.output)
	if err != nil {
		return err
	}
	done, err := o.write(s.ctx)
	if err != nil {
		undo()
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintf(s.err, "interrupted: nothing is left in %s\n", o.output)
		return errInterrupted
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s: %d matrices in %s, %s of weights became %s\n", o.output, done.Matrices,
		o.model.quantization, bytesText(done.Before), bytesText(done.After))
	return err
}

// besideWeights are copied into the new checkpoint.
var besideWeights = slices.Concat(lora.TokenizerFiles, []string{"generation_config.json"})

// write copies what a checkpoint has besides its weights first, so that the folder is whole once it can be loaded.
func (o *quantizeOptions) write(ctx context.Context) (*qwen2.Quantized, error) {
	for _, name := range besideWeights {
		err := copyFile(filepath.Join(o.model.dir, name), filepath.Join(o.output, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	format, err := bnb.ParseFormat(o.model.quantization)
	if err != nil {
		return nil, err
	}
	return qwen2.QuantizeCheckpoint(ctx, o.model.dir, o.output,
		qwen2.QuantizeOptions{Format: format, DoubleQuant: o.model.doubleQuant})
}

// newFolder makes the folder dir, or takes an empty one. undo removes the files that quantize writes, and the folder if
// it was made here and nothing else has come into it.
func newFolder(dir string) (undo func(), err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--output: want a folder: %w", err)
	}
	made := err != nil
	if len(entries) > 0 {
		return nil, fmt.Errorf("--output %s: want a new or empty folder, have one with %s in it: name another", dir,
			entries[0].Name())
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("--output: %w", err)
	}
	return func() {
		for _, name := range slices.Concat([]string{"config.json", "model.safetensors"}, besideWeights) {
			os.Remove(filepath.Join(dir, name))
		}
		if made {
			os.Remove(dir)
		}
	}, nil
}
