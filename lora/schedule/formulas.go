package schedule

import "math"

// Each formula follows the function of the same name in transformers/optimization.py; t is the step, w the warm-up,
// n the total, and progress (t−w)/max(1, n−w).

func warm(t, w int) float64 { return float64(t) / float64(max(1, w)) }

func progress(c Config, t int) float64 {
	return float64(t-c.Warmup) / float64(max(1, c.Total-c.Warmup))
}

// warmed puts a linear warm-up in front of after.
func warmed(c Config, after func(t int) float64) Func {
	return func(t int) float64 {
		if t < c.Warmup {
			return warm(t, c.Warmup)
		}
		return after(t)
	}
}

func constant(Config, *args) Func { return func(int) float64 { return 1 } }

func constantWithWarmup(c Config, _ *args) Func {
	return warmed(c, func(int) float64 { return 1 })
}

func linear(c Config, _ *args) Func {
	return warmed(c, func(t int) float64 {
		return max(0, float64(c.Total-t)/float64(max(1, c.Total-c.Warmup)))
	})
}

func cosine(c Config, a *args) Func {
	cycles := a.float("num_cycles", 0.5)
	return warmed(c, func(t int) float64 {
		return max(0, 0.5*(1+math.Cos(math.Pi*cycles*2*progress(c, t))))
	})
}

func cosineWithRestarts(c Config, a *args) Func {
	cycles := a.float("num_cycles", 1)
	if cycles < 0 {
		a.fail("num_cycles: want at least 0, have %v", cycles)
	}
	return warmed(c, func(t int) float64 {
		p := progress(c, t)
		if p >= 1 {
			return 0
		}
		return max(0, 0.5*(1+math.Cos(math.Pi*math.Mod(cycles*p, 1))))
	})
}

// cosineWithMinLR ends at min_lr_rate of the base rate, or at min_lr absolutely; exactly one of the two is given.
func cosineWithMinLR(c Config, a *args) Func {
	cycles, rate := a.float("num_cycles", 0.5), a.leastRate(c)
	return warmed(c, func(t int) float64 {
		f := 0.5 * (1 + math.Cos(math.Pi*cycles*2*progress(c, t)))
		return max(0, f*(1-rate)+rate)
	})
}

func (a *args) leastRate(c Config) float64 {
	rate := a.float("min_lr_rate", 0)
	absolute := a.float("min_lr", 0)
	switch {
	case a.has("min_lr") == a.has("min_lr_rate"):
		a.fail("want either min_lr or min_lr_rate")
	case a.has("min_lr") && c.BaseLR == 0:
		a.fail("min_lr: want a base learning rate other than 0")
	case a.has("min_lr"):
		rate = absolute / c.BaseLR
	}
	return rate
}

// cosineWarmupWithMinLR is cosineWithMinLR a step ahead, with a warm-up that begins at warmup_lr_rate, or one step on.
func cosineWarmupWithMinLR(c Config, a *args) Func {
	cycles, rate := a.float("num_cycles", 0.5), a.leastRate(c)
	begin, given := a.float("warmup_lr_rate", 0), a.has("warmup_lr_rate")
	return func(t int) float64 {
		switch {
		case t < c.Warmup && !given:
			return warm(t+1, c.Warmup)
		case t < c.Warmup:
			return begin + (1-begin)*float64(t)/float64(max(1, c.Warmup-1))
		}
		f := 0.5 * (1 + math.Cos(math.Pi*cycles*2*progress(c, t+1)))
		return max(0, f*(1-rate)+rate)
	}
}

func polynomial(c Config, a *args) Func {
	end := a.float("lr_end", 1e-7)
	power := a.float("power", 1)
	if end >= c.BaseLR {
		a.fail("lr_end: want less than the base learning rate %v, have %v", c.BaseLR, end)
	}
	return warmed(c, func(t int) float64 {
		if t > c.Total || c.Total <= c.Warmup {
			return end / c.BaseLR
		}
		remaining := 1 - float64(t-c.Warmup)/float64(c.Total-c.Warmup)
		return ((c.BaseLR-end)*math.Pow(remaining, power) + end) / c.BaseLR
	})
}

// inverseSqrt has a time scale of the warm-up, or of 10000 steps without one.
func inverseSqrt(c Config, a *args) Func {
	scale := a.steps("timescale", 0)
	if scale == 0 {
		scale = c.Warmup
	}
	if scale == 0 {
		scale = 10_000
	}
	return warmed(c, func(t int) float64 {
		return 1 / math.Sqrt(float64(t+scale-c.Warmup)/float64(scale))
	})
}

// warmupStableDecay rises, stays at 1 for num_stable_steps, or as long as the total leaves it, falls over
// num_decay_steps and stays at min_lr_ratio.
func warmupStableDecay(c Config, a *args) Func {
	if !a.has("num_decay_steps") {
		a.fail("want num_decay_steps")
	}
	decay := a.steps("num_decay_steps", 0)
	stable := c.Total - c.Warmup - decay // below 0, the fall begins on its way down
	if a.has("num_stable_steps") {
		stable = a.steps("num_stable_steps", 0)
	}
	least := a.float("min_lr_ratio", 0)
	cycles := a.float("num_cycles", 0.5)
	rise := a.choice("warmup_type", "linear", "cosine", "1-sqrt")
	fall := a.choice("decay_type", "cosine", "linear", "1-sqrt")
	return func(t int) float64 {
		switch start := c.Warmup + stable; {
		case t < c.Warmup:
			return max(0, riseAt(rise, warm(t, c.Warmup))*(1-least)+least)
		case t < start:
			return 1
		case t < start+decay:
			return max(0, fallAt(fall, warm(t-start, decay), cycles)*(1-least)+least)
		}
		return least
	}
}

func riseAt(kind string, p float64) float64 {
	switch kind {
	case "cosine":
		return 0.5 * (1 - math.Cos(math.Pi*p))
	case "1-sqrt":
		return 1 - math.Sqrt(1-p)
	}
	return p
}

func fallAt(kind string, p, cycles float64) float64 {
	switch kind {
	case "linear":
		return 1 - p
	case "1-sqrt":
		return 1 - math.Sqrt(p)
	}
	return 0.5 * (1 + math.Cos(math.Pi*cycles*2*p))
}
