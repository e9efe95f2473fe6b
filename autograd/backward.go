package autograd

import (
	"fmt"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// Backward appends the gradients of y, given dy = dL/dy. Grad then has those of the parameters.
func (t *Tape) Backward(y *Var, dy *tensor.Value) error {
	if err := t.R.Err(); err != nil {
		return err
	}
	if dy.Spec != y.Spec {
		return fmt.Errorf("autograd: backward: want a gradient %v, have %v", y.Spec, dy.Spec)
	}
	t.grads = map[*tensor.Value]*tensor.Value{y.Value: dy}
	t.reverse(t.grads)
	t.nodes = nil
	return t.R.Err()
}

// Grad returns the gradient of a parameter, nil if nothing that Backward came from depends on it.
func (t *Tape) Grad(p *Var) *tensor.Value { return t.grads[p.Value] }

// reverse walks the nodes backwards. grads has the gradients known so far; those of values inside the tape are taken
// out of it as they are used.
func (t *Tape) reverse(grads map[*tensor.Value]*tensor.Value) {
	for i := len(t.nodes) - 1; i >= 0; i-- {
		n := &t.nodes[i]
		dy, any := make([]*tensor.Value, len(n.y)), false
		for j, y := range n.y {
			dy[j] = grads[y.Value]
			any = any || dy[j] != nil
			delete(grads, y.Value)
		}
		if !any || t.R.Err() != nil {
			continue
		}
		if n.redo != nil {
			t.redo(n, dy, grads)
			continue
		}
		t.R.At(n.where, func() { t.step(n, dy, grads) })
	}
}

// redo records a block again and differentiates it.
func (t *Tape) redo(n *node, dy []*tensor.Value, grads map[*tensor.Value]*tensor.Value) {
	var inner *Tape
	var ends []*Var
	t.R.At(n.where, func() { inner, ends = n.redo() })
	for j, y := range ends {
		if dy[j] != nil {
			t.add(grads, y.Value, dy[j])
		}
	}
	inner.reverse(grads)
}

// step records the gradient of one op.
func (t *Tape) step(n *node, dy []*tensor.Value, grads map[*tensor.Value]*tensor.Value) {
	dx := n.op.(tensor.Differentiable).Backward(t.R, dy, n.saved, n.need)
	for j, x := range n.x {
		if !n.need[j] || t.R.Err() != nil {
			continue
		}
		if j >= len(dx) || dx[j] == nil {
			t.R.Fail(fmt.Errorf("%T: want a gradient of operand %d, have none", n.op, j))
			return
		}
		if dx[j].Spec != x.Spec {
			t.R.Fail(fmt.Errorf("%T: want a gradient %v of operand %d, have %v", n.op, x.Spec, j, dx[j].Spec))
			return
		}
		t.add(grads, x.Value, dx[j])
	}
}

// add adds d to the gradient of x.
func (t *Tape) add(grads map[*tensor.Value]*tensor.Value, x, d *tensor.Value) {
	have := grads[x]
	if have == nil {
		grads[x] = d
		return
	}
	sum := t.R.Temp(x.Spec)
	t.R.RunInPlace(kernel.Add{N: uint32(x.Len())}, have, []*tensor.Value{sum}, []*tensor.Value{d})
	grads[x] = sum
}
