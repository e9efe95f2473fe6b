package optim

import (
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// Hyper is what a step reads, by the indices of package kernel.
type Hyper [kernel.HyperLen]float32

// A Rule is one optimizer with its settings.
type Rule interface {
	// States lists what is remembered of each parameter. All are zero before the first step.
	States() []State
	// Hyper returns the numbers of update n, from 1, at a learning rate, without those of clipping.
	Hyper(rate float64, n int) Hyper
	// Record records one step.
	Record(r *tensor.Recorder, g Group)
}

// A State is one tensor that an optimizer remembers of each parameter.
type State struct {
	Name string
	// Of returns its shape for a parameter; nil means the parameter's own.
	Of func(p tensor.Spec) tensor.Spec
}

// A Group is parameters with the same learning rate.
type Group struct {
	// Whole is all of them as one vector, with the states whose shape is the parameter's. The first Decay elements have
	// weight decay.
	Whole Tensor
	Decay int
	// Each is every parameter by itself, for rules that look at each.
	Each  []Tensor
	Hyper *tensor.Tensor // [kernel.HyperLen]
}

// A Tensor is a parameter, its gradient, and its states as States lists them.
type Tensor struct {
	P, G   *tensor.Tensor
	States []*tensor.Tensor
	Decays bool // has weight decay
}

// apply records an optimizer that computes element by element.
func apply(r *tensor.Recorder, op tensor.Op, g Group) {
	y := append([]*tensor.Tensor{g.Whole.P}, g.Whole.States...)
	r.Apply(op, y, append(y[:len(y):len(y)], g.Whole.G, g.Hyper))
}
