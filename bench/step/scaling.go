package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vulora/vulora/bench"
	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// Length is what training on a row of Tokens tokens costs.
type Length struct {
	Tokens    int     `json:"tokens"`
	Seconds   float64 `json:"seconds_by_token_and_layer"`
	Attention float64 `json:"of_which_attention"`
	Planned   int64   `json:"planned_bytes,omitempty"` // of the whole model, with activations computed again
	Limit     string  `json:"limit,omitempty"`         // why that cannot be
}

// measuredLayers are enough to see what one costs, and measuredVocab is too little to see the head.
const measuredLayers, measuredVocab = 2, 512

// TimeLength measures a row of n tokens on some of c's layers, and plans the whole model. Where the plan does not fit d
// nothing is measured.
func TimeLength(ctx context.Context, d kernel.Device, c qwen2.Config, precision uint32, n int) (Length, error) {
	x := Length{Tokens: n}
	if x.Planned, x.Limit = Plan(d, c, qwen2.LoadOptions{Precision: precision}, []int{n}); x.Limit != "" {
		return x, nil
	}
	c.Layers, c.Vocab = measuredLayers, measuredVocab
	w := Watch(d)
	m, err := qwen2.Random(w, c, 1, qwen2.LoadOptions{Positions: n, Precision: precision})
	if err != nil {
		return x, err
	}
	defer m.Close()
	a, err := newAdapter(m)
	if err != nil {
		return x, err
	}
	defer a.Close()
	t := trainConfig(m, []int{n})
	t.Profile = new(tensor.Profile)
	var r Result
	done, err := runTraining(ctx, w, m, a, t, Options{Least: time.Second}, &r)
	if err != nil {
		return x, err
	}
	x.Seconds = r.Median / float64(n*measuredLayers)
	x.Attention = done.attention.Seconds() / float64(r.Steps*n*measuredLayers)
	return x, nil
}

// Plan returns the memory that training a model of c's sizes, loaded as o says, on a micro-batch of the given rows
// takes of a device like d where activations are computed again, or why it cannot be.
func Plan(d kernel.Device, c qwen2.Config, o qwen2.LoadOptions, rows []int) (bytes int64, limit string) {
	dry := d.Dry()
	defer dry.Close()
	o.Positions, o.Outline = slices.Max(rows), true
	bytes, err := plan(dry, c, o, rows)
	switch have := d.Info().Memory; {
	case err != nil:
		return 0, err.Error()
	case have > 0 && bytes > have:
		return bytes, fmt.Sprintf("the device has %d bytes", have)
	}
	return bytes, ""
}

func plan(d kernel.Device, c qwen2.Config, o qwen2.LoadOptions, rows []int) (n int64, err error) {
	m, err := qwen2.Random(d, c, 1, o)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	a, err := newAdapter(m)
	if err != nil {
		return 0, err
	}
	defer a.Close()
	t := trainConfig(m, rows)
	t.Recompute = true
	e, err := lora.EstimateTraining(m, a, t)
	return e.Memory.Total(), err
}

// Speedup is what more workers gain.
type Speedup struct {
	Op    string  `json:"op"`
	T     uint32  `json:"tokens"`
	DType string  `json:"dtype"`
	One   float64 `json:"seconds_with_one"`
	All   float64 `json:"seconds_with_all"`
	Ratio float64 `json:"ratio"`
}

// TimeWorkers times row on a device with one worker and on one with more, in turns, and takes the best of each.
func TimeWorkers(one, all kernel.Device, row bench.Row, most time.Duration) (x Speedup, err error) {
	const rounds = 3
	x = Speedup{Op: row.Op, T: row.T, DType: row.DType.String()}
	for range rounds {
		a, err := bench.Run(one, row, most)
		if err != nil {
			return x, err
		}
		b, err := bench.Run(all, row, most)
		if err != nil {
			return x, err
		}
		if x.One == 0 {
			x.One, x.All = a.Seconds, b.Seconds
		}
		x.One, x.All = min(x.One, a.Seconds), min(x.All, b.Seconds)
	}
	x.Ratio = x.One / x.All
	return x, nil
}
