package main

import (
	"errors"
	"math"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/data"
)

// loopOptions are the settings of the training loop, with transformers' names.
type loopOptions struct {
	epochs                  float64
	maxSteps                int
	batchSize, accumulation int
	optimizerOptions
	neftune    float64
	maxSkipped int
	seed       uint64
	lossNorm   string
}

func (o *loopOptions) add(f *flags) {
	f.group("Training", func(s *pflag.FlagSet) {
		s.Float64Var(&o.epochs, "num-train-epochs", 3, "passes over the rows, fractions allowed")
		s.IntVar(&o.maxSteps, "max-steps", 0, "steps, instead of epochs; 0 for none")
		s.IntVar(&o.batchSize, "per-device-train-batch-size", 2, "rows computed at once, also --batch-size")
		s.IntVar(&o.accumulation, "gradient-accumulation-steps", 4, "batches in a step")
		s.IntVar(&o.maxSkipped, "max-skipped-steps", 5, "steps in a row that are skipped because a gradient is not finite, "+
			"before the run ends")
		s.Uint64Var(&o.seed, "seed", 42, "of the adapter's first values, the order of rows, dropout and noise")
		s.Float64Var(&o.neftune, "neftune-noise-alpha", 0, "NEFTune: noise on the embeddings while training, uniform within "+
			"±alpha/√(tokens of the row · hidden size); 0 for none")
		choose(s, &o.lossNorm, "loss-norm", "what a step's loss is divided by; hf-legacy is transformers' rule before "+
			"mid-2026",
			"hf", "hf-legacy")
	})
	o.optimizerOptions.add(f)
}

// check tells every setting that is out of range.
func (o *loopOptions) check() error {
	var all faults
	inf := math.MaxFloat64
	all.want(o.epochs > 0 && o.epochs <= inf, "num-train-epochs", "more than 0", o.epochs)
	all.want(o.maxSteps >= 0, "max-steps", "at least 0", o.maxSteps)
	all.want(o.batchSize >= 1, "per-device-train-batch-size", "at least 1", o.batchSize)
	all.want(o.accumulation >= 1, "gradient-accumulation-steps", "at least 1", o.accumulation)
	all.want(o.maxSkipped >= 0, "max-skipped-steps", "at least 0", o.maxSkipped)
	all.want(o.neftune >= 0 && o.neftune <= inf, "neftune-noise-alpha", "at least 0", o.neftune)
	return errors.Join(append(all, o.optimizerOptions.check()...)...)
}

func (o *loopOptions) batches(shuffle bool) data.Schedule {
	return data.Schedule{BatchSize: o.batchSize, Accumulation: o.accumulation, Epochs: o.epochs, MaxSteps: o.maxSteps,
		Seed: int64(o.seed), Shuffle: shuffle}
}

func (o *loopOptions) trainConfig(examples []data.Example, shuffle bool) lora.TrainConfig {
	c := lora.TrainConfig{Examples: examples, Batches: o.batches(shuffle), Items: data.ItemRule(o.lossNorm),
		MaxSkipped: o.maxSkipped}
	c.Seed, c.NEFTuneAlpha = o.seed, o.neftune
	o.optimizerOptions.train(&c)
	return c
}
