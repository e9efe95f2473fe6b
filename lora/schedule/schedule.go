package schedule

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Func gives the factor on the base learning rate for an optimizer step, counted from 0. The rate used in that step
// is the base rate times the factor. Steps past the end are allowed.
type Func func(step int) float64

// Config says which schedule is wanted.
type Config struct {
	Name   string  // as transformers spells it; "" is linear
	Total  int     // optimizer steps of the whole run
	Warmup int     // optimizer steps of warm-up, see [WarmupSteps]
	BaseLR float64 // used only where a setting is an absolute rate: lr_end, min_lr

	// Args are lr_scheduler_kwargs: numbers as any Go number type, names as strings. Unknown keys are an error.
	Args map[string]any
}

type builder func(c Config, a *args) Func

var builders = map[string]builder{
	"linear":                    linear,
	"constant":                  constant,
	"constant_with_warmup":      constantWithWarmup,
	"cosine":                    cosine,
	"cosine_with_restarts":      cosineWithRestarts,
	"cosine_with_min_lr":        cosineWithMinLR,
	"cosine_warmup_with_min_lr": cosineWarmupWithMinLR,
	"polynomial":                polynomial,
	"inverse_sqrt":              inverseSqrt,
	"warmup_stable_decay":       warmupStableDecay,
}

// Names lists the schedules there are, sorted.
func Names() []string {
	names := make([]string, 0, len(builders))
	for name := range builders {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// New makes the schedule c. An unknown name, a negative count and an unknown or misshapen argument are errors.
func New(c Config) (Func, error) {
	if c.Name == "" {
		c.Name = "linear"
	}
	build, ok := builders[c.Name]
	if c.Name == "reduce_lr_on_plateau" || c.Name == "greedy" {
		return nil, fmt.Errorf("schedule: want one of %s, which depend on the step alone, have %s, which follows the loss",
			strings.Join(Names(), ", "), c.Name)
	}
	if !ok {
		return nil, fmt.Errorf("schedule: want one of %s, have %q", strings.Join(Names(), ", "), c.Name)
	}
	if c.Total < 0 || c.Warmup < 0 {
		return nil, fmt.Errorf("schedule: %s: want steps of at least 0, have total %d, warm-up %d",
			c.Name, c.Total, c.Warmup)
	}
	a := &args{schedule: c.Name, values: c.Args, known: map[string]bool{}}
	f := build(c, a)
	if err := a.finish(); err != nil {
		return nil, err
	}
	return f, nil
}

// WarmupSteps turns the warmup_steps setting of transformers 5 into optimizer steps: a value below 1 is a share of
// total, rounded up; from 1 on it is a count, its fraction dropped. Negative values and NaN give 0.
func WarmupSteps(total int, setting float64) int {
	switch {
	case !(setting > 0):
		return 0
	case setting < 1:
		return int(math.Ceil(float64(total) * setting))
	case setting > math.MaxInt32:
		return math.MaxInt32
	}
	return int(setting)
}
