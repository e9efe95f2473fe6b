// Package optim has the optimizers, by transformers' names: what each remembers of a parameter, what it reads in each
// step, and how its step is recorded.
//
// It knows no adapter and owns no memory: whoever trains makes the states that a Rule asks for, keeps them in
// checkpoints, and writes the numbers of each step to the device. A Rule may be used from any goroutine.
package optim
