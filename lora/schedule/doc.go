// Package schedule computes learning-rate factors by the names and formulas of transformers' get_scheduler
// (transformers.optimization, version 5), in float64 and in the same order of operations.
//
// It knows the schedules that depend on the step alone. It does not know optimizers, nor schedules that look at the
// loss (reduce_lr_on_plateau, greedy), which are refused by name. A schedule is a pure function: it may be called from
// any goroutine and for any step, in any order.
package schedule
