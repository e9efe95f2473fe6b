package autograd

import (
	"fmt"
	"slices"

	"github.com/vulora/vulora/tensor"
)

// A Var is a value in a differentiated recording.
type Var struct {
	*tensor.Value
	needs bool // a gradient must reach it
}

// Watch makes Backward compute the gradient of v, and of what is computed from it from now on, although v is no
// parameter.
func (v *Var) Watch() { v.needs = true }

// A Tape records ops so that Backward can append their gradients.
type Tape struct {
	R     *tensor.Recorder
	nodes []node
	grads map[*tensor.Value]*tensor.Value
}

// A node is an op as it was applied, or a block to record again.
type node struct {
	op    tensor.Op
	x, y  []*Var
	need  []bool
	saved []*tensor.Value
	where string
	redo  func() (*Tape, []*Var) // of a block: records it again, and returns the block's own tape and results
}

// NewTape returns an empty tape that records with r.
func NewTape(r *tensor.Recorder) *Tape { return &Tape{R: r} }

// Const returns the variable that stands for a tensor without a gradient.
func (t *Tape) Const(x *tensor.Tensor) *Var { return &Var{Value: t.R.Bind(x)} }

// Param returns the variable that stands for a trained tensor.
func (t *Tape) Param(x *tensor.Tensor) *Var { return &Var{Value: t.R.Bind(x), needs: true} }

// Apply records op on x and returns its first result.
func (t *Tape) Apply(op tensor.Op, x ...*Var) *Var { return t.apply(op, x)[0] }

// Apply2 records op, which has two results, on x.
func (t *Tape) Apply2(op tensor.Op, x ...*Var) (*Var, *Var) {
	y := t.apply(op, x)
	if len(y) < 2 {
		t.R.Fail(fmt.Errorf("%T: want an op with two results", op))
		return &Var{}, &Var{}
	}
	return y[0], y[1]
}

// apply returns empty variables once the recording has failed.
func (t *Tape) apply(op tensor.Op, x []*Var) []*Var {
	failed := []*Var{{}, {}}
	if t.R.Err() != nil {
		return failed
	}
	specs, values, need := make([]tensor.Spec, len(x)), make([]*tensor.Value, len(x)), make([]bool, len(x))
	for i, v := range x {
		if v == nil || v.Value == nil {
			t.R.Fail(fmt.Errorf("%T: operand %d is missing", op, i))
			return failed
		}
		specs[i], values[i], need[i] = v.Spec, v.Value, v.needs
	}
	out, err := op.Infer(specs)
	if err != nil {
		t.R.Fail(err)
		return failed
	}
	needs := slices.Contains(need, true)
	if _, ok := op.(tensor.Differentiable); needs && !ok {
		t.R.Fail(fmt.Errorf("%T has no gradient, and one of its operands needs it", op))
		return failed
	}
	y, results := make([]*Var, len(out)), make([]*tensor.Value, len(out))
	for i, s := range out {
		results[i] = t.R.Temp(s)
		y[i] = &Var{Value: results[i], needs: needs}
	}
	saved := op.Forward(t.R, results, values, need)
	if needs {
		t.nodes = append(t.nodes, node{op: op, x: x, y: y, need: need, saved: saved, where: t.R.Where()})
	}
	return y
}

// Checkpoint records f(x) without keeping what its ops save, and records it again when Backward comes to it: the
// insides of the block live only while its own backward runs. The gradients are the same bit for bit. f must record the
// same launches each time.
func (t *Tape) Checkpoint(f func(t *Tape, x []*Var) []*Var, x ...*Var) []*Var {
	y := f(NewTape(t.R), x)
	needs := false
	for _, v := range y {
		needs = needs || v.needs
	}
	if t.R.Err() != nil || !needs {
		return y
	}
	redo := func() (*Tape, []*Var) {
		inner := NewTape(t.R)
		y := f(inner, x)
		return inner, y
	}
	t.nodes = append(t.nodes, node{x: x, y: y, redo: redo, where: t.R.Where()})
	return y
}
