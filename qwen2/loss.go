package qwen2

import (
	"github.com/vulora/vulora/autograd"
	"github.com/vulora/vulora/tensor"
)

// Supervision says which tokens the loss is over.
type Supervision struct {
	Rows   *tensor.Tensor // i32[S]: the tokens whose successor is to be predicted; negative entries fill up
	Slots  *tensor.Tensor // i32[T]: the inverse of Rows, negative elsewhere
	Labels *tensor.Tensor // i32[S]: what follows them; negative where Rows is
	Scale  *tensor.Tensor // [1]: what the sum of the losses is multiplied by
}

// Loss records the model on packed sequences and the scaled sum of the cross-entropies of the supervised tokens, [1].
func (m *Model) Loss(t *autograd.Tape, in Inputs, s Supervision, o GraphOptions) *autograd.Var {
	g := m.packed(in, o)
	h := g.hidden(t)
	var loss *autograd.Var
	t.R.In("lm_head", func() {
		op := tensor.CrossEntropy{Chunk: o.logitRows(), Quantized: m.head.quantized(), Precision: m.Precision}
		x := append([]*autograd.Var{h}, m.head.operands(t)...)
		loss = t.Apply(op, append(x, t.Const(s.Rows), t.Const(s.Slots), t.Const(s.Labels), t.Const(s.Scale))...)
	})
	return loss
}

// Logits records the model on packed sequences and the logits of the given rows, i32[S].
//
//	result: [S, V]
func (m *Model) Logits(t *autograd.Tape, in Inputs, rows *tensor.Tensor, o GraphOptions) *autograd.Var {
	return m.packed(in, o).logits(t, rows)
}

func (m *Model) packed(in Inputs, o GraphOptions) *graph {
	c := &m.Config
	g := &graph{m: m, o: o, in: in}
	g.attend = func(t *autograd.Tape, _ int, qkv *autograd.Var) *autograd.Var {
		op := tensor.Attention{Heads: c.Heads, KVHeads: c.KVHeads, D: c.HeadDim, Precision: m.Precision}
		return t.Apply(op, qkv, t.Const(in.Bounds), t.Const(in.Users))
	}
	return g
}

func (g *graph) logits(t *autograd.Tape, rows *tensor.Tensor) *autograd.Var {
	h := t.Apply(tensor.Rows{}, g.hidden(t), t.Const(rows))
	var y *autograd.Var
	t.R.In("lm_head", func() {
		op := tensor.Linear{Quantized: g.m.head.quantized(), Precision: g.m.Precision}
		y = t.Apply(op, append([]*autograd.Var{h}, g.m.head.operands(t)...)...)
	})
	return y
}

// logitRows is how many rows of logits exist at a time. Where memory is short they are halved: the head's panels are
// then made twice as often, for half of the largest thing that is left.
func (o GraphOptions) logitRows() int {
	if o.Recompute {
		return 128
	}
	return 256
}
