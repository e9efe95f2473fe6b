package tensor

import (
	"fmt"
	"slices"

	"github.com/vulora/vulora/tensor/kernel"
)

// Apply records op from x to y. Where an entry of y is the same tensor as that of x in its place, an op that changes
// operands changes it where it lies: this is how slabs are updated. Nothing is differentiated.
func (r *Recorder) Apply(op Op, y, x []*Tensor) {
	var specs []Spec
	for _, t := range x {
		specs = append(specs, t.Spec)
	}
	results, err := op.Infer(specs)
	if err == nil && !slices.EqualFunc(results, y, func(s Spec, t *Tensor) bool { return s == t.Spec }) {
		err = fmt.Errorf("%T: want results %v, have others", op, results)
	}
	if err != nil {
		r.Fail(err)
		return
	}
	op.Forward(r, r.bindAll(y), r.bindAll(x), make([]bool, len(x)))
}

func (r *Recorder) bindAll(all []*Tensor) (values []*Value) {
	for _, t := range all {
		values = append(values, r.Bind(t))
	}
	return values
}

// own copies x[i] to y[i] where they are not the same, so that y can be changed in place.
func own(r *Recorder, y, x []*Value) {
	for i, v := range y {
		if v != x[i] {
			r.Run(kernel.Copy{N: u32(v.Len())}, vs(v), vs(x[i]))
		}
	}
}

// tiles calls f for the parts of n elements that one operand may span.
func tiles(r *Recorder, n int, f func(first, count int)) {
	step := r.rowsPerOperand(n, 4)
	for first := 0; first < n; first += step {
		f(first, min(step, n-first))
	}
}
