package optest

import (
	"fmt"
	"math"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// guardWords is the memory watched on either side of an output, a multiple of any device's alignment.
const guardWords = 1024

// sentinel is a quiet NaN that no kernel makes.
const sentinel int32 = 0x7fe51a2b

// A guarded tensor lies between two stretches of sentinels, and is full of them itself until a kernel writes it.
type guarded struct {
	*tensor.Tensor
	whole *tensor.Tensor
}

func newGuarded(d kernel.Device, s tensor.Spec) (*guarded, error) {
	n := s.Len() + 2*guardWords
	whole, err := tensor.New(d, tensor.IntsOf(n), kernel.Staging)
	if err != nil {
		return nil, err
	}
	fill := make([]int32, n)
	for i := range fill {
		fill[i] = sentinel
	}
	inner := &tensor.Tensor{Spec: s, Buffer: whole.Buffer, Offset: 4 * guardWords}
	return &guarded{inner, whole}, whole.WriteInts(fill)
}

// check reports memory outside that was written, and elements inside that were not.
func (g *guarded) check() error {
	all := make([]int32, g.whole.Len())
	if err := g.whole.ReadInts(all); err != nil {
		return err
	}
	for i, v := range all {
		inside := i >= guardWords && i < guardWords+g.Len()
		if !inside && v != sentinel {
			return fmt.Errorf("%v: word %d outside was overwritten", g.Spec, i-guardWords)
		}
		if inside && v == sentinel {
			return fmt.Errorf("%v: element %d was not written", g.Spec, i-guardWords)
		}
	}
	return nil
}

// floats returns the elements.
func (g *guarded) floats() ([]float64, error) {
	out := make([]float64, g.Len())
	if g.DType == tensor.I32 {
		x := make([]int32, g.Len())
		err := g.ReadInts(x)
		for i, v := range x {
			out[i] = float64(v)
		}
		return out, err
	}
	x := make([]float32, g.Len())
	err := g.ReadFloats(x)
	for i, v := range x {
		out[i] = float64(v)
	}
	return out, err
}

// compare reports the element of got that is farthest from want, in units of the tolerance, if that is over 1.
func compare(what string, got, want []float64, tol float64) error {
	var rms float64
	for _, v := range want {
		rms += v * v
	}
	rms = math.Sqrt(rms / float64(len(want)))
	at, worst := 0, 0.0
	for i, w := range want {
		e := math.Abs(got[i]-w) / (tol * (math.Abs(w) + rms))
		if got[i] == w {
			e = 0
		}
		if math.IsNaN(e) || e > worst {
			at, worst = i, e
			if math.IsNaN(e) {
				break
			}
		}
	}
	if math.IsNaN(worst) || worst > 1 {
		return fmt.Errorf("%s: element %d: want %g, have %g: %.3g times the tolerance", what, at, want[at], got[at], worst)
	}
	return nil
}
