// Package autograd is reverse-mode differentiation over tensor.Op.
//
// It knows the chain rule, the accumulation of gradients and recomputation, and no operation: adding an op never
// touches this package. Nothing is computed here: a Tape records the ops' launches with a tensor.Recorder as the model
// applies them, and Backward appends the launches of their gradients. Only what leads from a parameter to the loss is
// differentiated, so a frozen weight has no gradient, and below the lowest parameter there is no backward at all.
//
// A tape is used once, by one goroutine, and may be dropped as soon as its recording has been planned.
package autograd
