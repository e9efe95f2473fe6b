package step

import (
	"slices"
	"time"

	"github.com/vulora/vulora/bench"
)

// A Result is what one step of a job took. A step is an optimizer step, the reading of a prompt, or one token.
type Result struct {
	Model        string `json:"model"`
	Quantization string `json:"quantization"`
	Precision    string `json:"precision"`
	Job          string `json:"job"`

	Tokens int     `json:"tokens"` // without padding
	Steps  int     `json:"steps"`  // that were timed
	Median float64 `json:"median_seconds"`
	Best   float64 `json:"best_seconds"`

	Launches int            `json:"launches"`
	Barriers int            `json:"barriers"`
	Layer    map[string]int `json:"launches_of_a_layer"` // by kernel
	// Outside is the share of the time in which no program ran: batches, inputs, results and Go's collector.
	Outside   float64 `json:"share_outside_launches"`
	Allocated int64   `json:"allocated_bytes"` // on Go's heap

	Planned int64   `json:"planned_bytes"`        // of the device
	Peak    int64   `json:"peak_bytes,omitempty"` // that the process had resident; the caller knows
	Exact   float64 `json:"float32_flop"`
	Rounded float64 `json:"bfloat16_flop"` // of products that may round their factors
	Bytes   float64 `json:"bytes"`         // of weights and cache that are read

	// Share is what the ceilings allow divided by the median, and Bound the ceiling that allows least.
	Share float64 `json:"share_of_ceiling"`
	Bound string  `json:"bound"`

	roundsAttention bool
}

// TokensPerSecond returns the rates of the median and of the best step.
func (r *Result) TokensPerSecond() (median, best float64) {
	return float64(r.Tokens) / max(r.Median, 1e-9), float64(r.Tokens) / max(r.Best, 1e-9)
}

// Against sets the share of the ceilings c.
func (r *Result) Against(c bench.Ceilings) {
	compute, memory := r.Exact/c.FLOPS+r.Rounded/c.BF16FLOPS, r.Bytes/c.Memory()
	r.Share, r.Bound = max(compute, memory)/max(r.Median, 1e-9), "compute"
	if memory > compute {
		r.Bound = "memory"
	}
}

// attend adds the FLOP of a step's attention, which depend on data that its launches do not show.
func (r *Result) attend(flop float64) {
	if r.roundsAttention {
		r.Rounded += flop
	} else {
		r.Exact += flop
	}
}

// take sets what the steps did that took the given times, and what was counted in them.
func (r *Result) take(all []time.Duration, c counts, allocated uint64) {
	total := time.Duration(0)
	for _, t := range all {
		total += t
	}
	n := len(all)
	r.Steps, r.Launches, r.Barriers, r.Layer = n, c.launches/n, c.barriers/n, c.layer
	r.Exact, r.Rounded, r.Bytes = c.exact/float64(n), c.rounded/float64(n), c.weights/float64(n)
	r.roundsAttention = c.roundsAttention
	r.Allocated = int64(allocated) / int64(n)
	r.Outside = max(0, 1-c.inside.Seconds()/max(total.Seconds(), 1e-9))
	slices.Sort(all)
	r.Median, r.Best = all[n/2].Seconds(), all[0].Seconds()
}
