package main

import (
	"fmt"
	"time"

	"github.com/vulora/vulora/bench"
)

// reached is the share of a CPU's ceiling that training reaches, as measured on the models and rows of the README.
const reached = 0.75

// duration estimates the time that the steps take, in seconds, from the run's arithmetic and what the device can do,
// which it measures for less than a second. On a GPU it is the least that it can be.
func (t *training) duration() (seconds float64, how string, err error) {
	ceiling, err := bench.Peak(t.real, t.model.Precision, 2)
	if err != nil {
		return 0, "", err
	}
	seconds = t.o.memory.found.FLOPs / ceiling
	text := func() string { return durationText(time.Duration(seconds * float64(time.Second))) }
	if t.device.Info().Kind == "cpu" {
		seconds /= reached
		return seconds, fmt.Sprintf("about %s, if nothing else runs: three quarters of %.0f GFLOP/s, as measured now", text(),
			ceiling/1e9), nil
	}
	return seconds, fmt.Sprintf("at least %s, at the device's ceiling of %.0f GFLOP/s, as measured now", text(),
		ceiling/1e9), nil
}
