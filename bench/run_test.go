package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// small has the proportions of a model and none of its size.
var small = Shape{Name: "small", Hidden: 64, Heads: 4, KVHeads: 2, HeadDim: 16, Feed: 128, Vocab: 512}

func TestEveryRowIsVerified(t *testing.T) {
	ceilings := Ceilings{FLOPS: 1e12, BF16FLOPS: 1e12, Copy: 1e12}
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		for _, w := range []kernel.DType{kernel.F32, kernel.F16, kernel.BF16, kernel.NF4, kernel.FP4, kernel.I8} {
			for _, tokens := range []uint32{1, 13} {
				for _, row := range small.Rows(d.Info(), tokens, w, kernel.RoundBF16) {
					r, err := Run(d, row, time.Millisecond)
					r.Against(ceilings)
					if err != nil {
						t.Error(err)
					} else if r.Seconds <= 0 || r.FLOPS <= 0 || r.Rate <= 0 || r.Share <= 0 {
						t.Errorf("%s: want rates, have %+v", row.Name(), r)
					}
				}
			}
		}
	})
}

// A result that the definition does not give must be found.
func TestWrongResultIsFound(t *testing.T) {
	d := devtest.CPU(t)
	for _, row := range small.Rows(d.Info(), 13, kernel.BF16, kernel.Exact) {
		right := row.define
		row.define = func(in []values, old values, i int) float64 { return right(in, old, i)*1.02 + 0.01 }
		if _, err := Run(d, row, 0); err == nil ||
			!strings.Contains(err.Error(), "is off by more") {
			t.Errorf("%s: want an error for a wrong result, have %v", row.Name(), err)
		}
	}
}
