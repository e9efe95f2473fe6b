package main

import (
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/lora/schedule"
)

// loopOptions are the settings of the training loop, with transformers' names.
type loopOptions struct {
	epochs                   float64
	maxSteps                 int
	batchSize, accumulation  int
	learningRate             float64
	scheduler                string
	warmupSteps, warmupRatio float64
	weightDecay              float64
	beta1, beta2, epsilon    float64
	maxGradNorm              float64
	maxSkipped               int
	seed                     uint64
	lossNorm                 string
}

func (o *loopOptions) add(f *flags) {
	f.group("Training", func(s *pflag.FlagSet) {
		s.Float64Var(&o.epochs, "num-train-epochs", 3, "passes over the rows, fractions allowed")
		s.IntVar(&o.maxSteps, "max-steps", 0, "steps, instead of epochs; 0 for none")
		s.IntVar(&o.batchSize, "per-device-train-batch-size", 2, "rows computed at once, also --batch-size")
		s.IntVar(&o.accumulation, "gradient-accumulation-steps", 4, "batches in a step")
		s.Float64Var(&o.learningRate, "learning-rate", 2e-4, "of AdamW")
		s.StringVar(&o.scheduler, "lr-scheduler-type", "linear", "`NAME`: "+strings.Join(schedules(), ", "))
		s.Float64Var(&o.warmupSteps, "warmup-steps", 0, "steps of rising learning rate; below 1 a share of all steps")
		s.Float64Var(&o.warmupRatio, "warmup-ratio", 0, "the same as a share of all steps")
		s.Float64Var(&o.weightDecay, "weight-decay", 0, "of AdamW, for matrices")
		s.Float64Var(&o.beta1, "adam-beta1", 0.9, "of AdamW")
		s.Float64Var(&o.beta2, "adam-beta2", 0.999, "of AdamW")
		s.Float64Var(&o.epsilon, "adam-epsilon", 1e-8, "of AdamW")
		s.Float64Var(&o.maxGradNorm, "max-grad-norm", 1, "gradients are scaled down to this norm; 0 for never")
		s.IntVar(&o.maxSkipped, "max-skipped-steps", 5, "steps in a row that are skipped because a gradient is not finite, "+
			"before the run ends")
		s.Uint64Var(&o.seed, "seed", 42, "of the adapter's first values, the order of rows and dropout")
		choose(s, &o.lossNorm, "loss-norm", "what a step's loss is divided by; hf-legacy is transformers' rule before "+
			"mid-2026",
			"hf", "hf-legacy")
	})
}

// schedules are the learning-rate schedules that need no arguments of their own.
func schedules() []string {
	return slices.DeleteFunc(schedule.Names(), func(name string) bool {
		_, err := schedule.New(schedule.Config{Name: name, Total: 1})
		return err != nil
	})
}

// check tells every setting that is out of range.
func (o *loopOptions) check() error {
	var errs []error
	want := func(ok bool, name, what string, have any) {
		if !ok {
			errs = append(errs, usagef("--%s: want %s, have %v", name, what, have))
		}
	}
	inf := math.MaxFloat64
	want(o.epochs > 0 && o.epochs <= inf, "num-train-epochs", "more than 0", o.epochs)
	want(o.maxSteps >= 0, "max-steps", "at least 0", o.maxSteps)
	want(o.batchSize >= 1, "per-device-train-batch-size", "at least 1", o.batchSize)
	want(o.accumulation >= 1, "gradient-accumulation-steps", "at least 1", o.accumulation)
	want(o.learningRate >= 0 && o.learningRate <= inf, "learning-rate", "at least 0", o.learningRate)
	want(o.warmupSteps >= 0 && o.warmupSteps <= inf, "warmup-steps", "at least 0", o.warmupSteps)
	want(o.warmupRatio >= 0 && o.warmupRatio < 1, "warmup-ratio", "at least 0 and below 1", o.warmupRatio)
	want(o.warmupRatio == 0 || o.warmupSteps == 0, "warmup-ratio", "no --warmup-steps beside it", o.warmupSteps)
	want(o.weightDecay >= 0 && o.weightDecay <= inf, "weight-decay", "at least 0", o.weightDecay)
	want(o.beta1 >= 0 && o.beta1 < 1, "adam-beta1", "at least 0 and below 1", o.beta1)
	want(o.beta2 >= 0 && o.beta2 < 1, "adam-beta2", "at least 0 and below 1", o.beta2)
	want(o.epsilon > 0 && o.epsilon <= inf, "adam-epsilon", "more than 0", o.epsilon)
	want(o.maxGradNorm >= 0 && o.maxGradNorm <= inf, "max-grad-norm", "at least 0", o.maxGradNorm)
	want(o.maxSkipped >= 0, "max-skipped-steps", "at least 0", o.maxSkipped)
	if names := schedules(); !slices.Contains(names, o.scheduler) {
		errs = append(errs, usagef("--lr-scheduler-type: want %s, have %q%s", strings.Join(names, ", "), o.scheduler,
			didYouMean("", o.scheduler, names)))
	}
	return errors.Join(errs...)
}

func (o *loopOptions) batches(shuffle bool) data.Schedule {
	return data.Schedule{BatchSize: o.batchSize, Accumulation: o.accumulation, Epochs: o.epochs, MaxSteps: o.maxSteps,
		Seed: int64(o.seed), Shuffle: shuffle}
}

func (o *loopOptions) trainConfig(examples []data.Example, shuffle bool) lora.TrainConfig {
	c := lora.TrainConfig{Examples: examples, Batches: o.batches(shuffle), LearningRate: o.learningRate,
		Scheduler: o.scheduler, Warmup: max(o.warmupSteps, o.warmupRatio), Items: data.ItemRule(o.lossNorm),
		MaxSkipped: o.maxSkipped}
	c.Optimizer = lora.Optimizer{Beta1: o.beta1, Beta2: o.beta2, Eps: o.epsilon, WeightDecay: o.weightDecay,
		MaxGradNorm: o.maxGradNorm}
	c.Seed = o.seed
	return c
}
