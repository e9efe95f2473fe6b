package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/optim"
	"github.com/vulora/vulora/lora/schedule"
)

// optimizerOptions say how gradients change the adapter, with transformers' names.
type optimizerOptions struct {
	optim, optimArgs         string
	learningRate             float64
	scheduler, schedulerArgs string
	warmupSteps, warmupRatio float64
	weightDecay              float64
	beta1, beta2, epsilon    float64
	maxGradNorm              float64
	loraPlus                 float64
}

func (o *optimizerOptions) add(f *flags) {
	f.group("Optimizer", func(s *pflag.FlagSet) {
		s.StringVar(&o.optim, "optim", "adamw_torch", "`NAME`: "+strings.Join(optim.Names(), ", "))
		s.StringVar(&o.optimArgs, "optim-args", "", "`LIST` of name=value: momentum, dampening, nesterov of sgd; "+
			"scale_parameter, clip_threshold, decay_rate, beta1, eps1, eps2 of adafactor")
		s.Float64Var(&o.learningRate, "learning-rate", 2e-4, "of the first step after the warm-up")
		s.StringVar(&o.scheduler, "lr-scheduler-type", "linear", "`NAME`: "+strings.Join(schedule.Names(), ", "))
		s.StringVar(&o.schedulerArgs, "lr-scheduler-kwargs", "", "`LIST` of name=value, or JSON, of the schedule: like "+
			"num_cycles, power, lr_end, min_lr_rate, num_decay_steps")
		s.Float64Var(&o.warmupSteps, "warmup-steps", 0, "steps of rising learning rate; below 1 a share of all steps")
		s.Float64Var(&o.warmupRatio, "warmup-ratio", 0, "the same as a share of all steps")
		s.Float64Var(&o.weightDecay, "weight-decay", 0, "of everything trained but biases")
		s.Float64Var(&o.beta1, "adam-beta1", 0.9, "of AdamW and Lion")
		s.Float64Var(&o.beta2, "adam-beta2", 0.999, "of AdamW and Lion")
		s.Float64Var(&o.epsilon, "adam-epsilon", 1e-8, "of AdamW")
		s.Float64Var(&o.maxGradNorm, "max-grad-norm", 1, "gradients are scaled down to this norm; 0 for never")
		s.Float64Var(&o.loraPlus, "loraplus-lr-ratio", 1, "LoRA+: the learning rate of B over that of A")
		refuse(s, "fp16", "want --precision auto, f32 or bf16: "+noHalf)
		refuse(s, "bf16", "want --precision bf16, which rounds the factors of products and nothing else; auto is that "+
			"wherever it is faster")
		refuse(s, "label-smoothing-factor", "want 0, for it is not supported: the loss is the cross-entropy with the tokens "+
			"themselves, as for all supervised fine-tuning of language models by default")
	})
}

// unsupported is a flag that others have, and that may be given here only to say no.
type unsupported struct{ why string }

func (unsupported) String() string { return "" }
func (unsupported) Type() string   { return "value" }
func (u unsupported) Set(s string) error {
	if v, err := strconv.ParseFloat(s, 64); err == nil && v == 0 || slices.Contains([]string{"false", "no"}, s) {
		return nil
	}
	return errors.New(u.why)
}

func refuse(s *pflag.FlagSet, name, why string) {
	flag := s.VarPF(unsupported{why}, name, "", "")
	flag.Hidden = true
	if strings.HasSuffix(name, "16") { // a switch
		flag.NoOptDefVal = "true"
	}
}

// check tells every setting that is out of range.
func (o *optimizerOptions) check() []error {
	var all faults
	inf := math.MaxFloat64
	all.want(o.learningRate >= 0 && o.learningRate <= inf, "learning-rate", "at least 0", o.learningRate)
	all.want(o.warmupSteps >= 0 && o.warmupSteps <= inf, "warmup-steps", "at least 0", o.warmupSteps)
	all.want(o.warmupRatio >= 0 && o.warmupRatio < 1, "warmup-ratio", "at least 0 and below 1", o.warmupRatio)
	all.want(o.warmupRatio == 0 || o.warmupSteps == 0, "warmup-ratio", "no --warmup-steps beside it", o.warmupSteps)
	all.want(o.weightDecay >= 0 && o.weightDecay <= inf, "weight-decay", "at least 0", o.weightDecay)
	all.want(o.beta1 >= 0 && o.beta1 < 1, "adam-beta1", "at least 0 and below 1", o.beta1)
	all.want(o.beta2 >= 0 && o.beta2 < 1, "adam-beta2", "at least 0 and below 1", o.beta2)
	all.want(o.epsilon > 0 && o.epsilon <= inf, "adam-epsilon", "more than 0", o.epsilon)
	all.want(o.maxGradNorm >= 0 && o.maxGradNorm <= inf, "max-grad-norm", "at least 0", o.maxGradNorm)
	all.want(o.loraPlus > 0 && o.loraPlus <= inf, "loraplus-lr-ratio", "more than 0", o.loraPlus)
	if _, err := optim.ParseArgs(o.optimArgs); err != nil {
		return append(all, usagef("--optim-args: %s", err))
	}
	if _, err := optim.New(optim.Settings{Name: o.optim}); err != nil {
		all = append(all, usagef("--optim: %s%s", err, didYouMean("", o.optim, optim.Names())))
	} else if _, err := optim.New(o.settings()); err != nil {
		all = append(all, usagef("--optim-args: %s", err))
	}
	return append(all, o.checkSchedule()...)
}

func (o *optimizerOptions) checkSchedule() []error {
	args, err := parseScheduleArgs(o.schedulerArgs)
	if err != nil {
		return []error{usagef("--lr-scheduler-kwargs: %s", err)}
	}
	_, err = schedule.New(schedule.Config{Name: o.scheduler, Total: 1, BaseLR: o.learningRate, Args: args})
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(err.Error(), "schedule: ")
	if names := schedule.Names(); !slices.Contains(names, o.scheduler) {
		return []error{usagef("--lr-scheduler-type: %s%s", text, didYouMean("", o.scheduler, names))}
	}
	return []error{usagef("--lr-scheduler-kwargs: %s", text)}
}

// parseScheduleArgs reads what transformers takes, a JSON object, or NAME=VALUE with commas.
func parseScheduleArgs(text string) (map[string]any, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") {
		var all map[string]any
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			return nil, fmt.Errorf("want NAME=VALUE,… or a JSON object, have %q", text)
		}
		maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil }) // None
		return numbers(all), nil
	}
	pairs, err := optim.ParseArgs(text)
	all := map[string]any{}
	for name, v := range pairs {
		all[name] = v
	}
	return numbers(all), err
}

// numbers makes numbers of the texts that are numbers, as transformers does.
func numbers(all map[string]any) map[string]any {
	for name, v := range all {
		text, _ := v.(string)
		if number, err := strconv.ParseFloat(text, 64); err == nil {
			all[name] = number
		}
	}
	return all
}

// settings are those of the optimizer itself, once check has found nothing.
func (o *optimizerOptions) settings() optim.Settings {
	args, _ := optim.ParseArgs(o.optimArgs)
	return optim.Settings{Name: o.optim, Beta1: o.beta1, Beta2: o.beta2, Eps: o.epsilon, WeightDecay: o.weightDecay,
		Args: args}
}

// train puts the options into c.
func (o *optimizerOptions) train(c *lora.TrainConfig) {
	s := o.settings()
	c.Optimizer = lora.Optimizer{Name: s.Name, Args: s.Args, Beta1: s.Beta1, Beta2: s.Beta2, Eps: s.Eps,
		WeightDecay: s.WeightDecay, MaxGradNorm: o.maxGradNorm, LoRAPlusRatio: o.loraPlus}
	c.LearningRate, c.Scheduler, c.Warmup = o.learningRate, o.scheduler, max(o.warmupSteps, o.warmupRatio)
	c.SchedulerArgs, _ = parseScheduleArgs(o.schedulerArgs)
}

// text says how a run's rates are made.
func (o *optimizerOptions) text() string {
	t := fmt.Sprintf("learning rate %g %s", o.learningRate, o.scheduler)
	if o.loraPlus != 1 {
		t += fmt.Sprintf(", of B %g times as high", o.loraPlus)
	}
	if name := optim.Canonical(o.optim); name != "adamw_torch" {
		t += ", by " + name
	}
	return t
}
