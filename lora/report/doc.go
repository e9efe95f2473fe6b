// Package report keeps the accounts of a training run that people and programs read: metrics.jsonl, trainer_state.json
// as transformers' Trainer writes it, TensorBoard's events, a chart in SVG, and a page that shows the run live.
//
// Each is a Report, and those of a run are a Set, which is an observer of the run. What goes wrong with one of them
// while a run trains is told once and never ends the run. A report takes bounded time at each step, whatever the number
// of steps before.
//
// A Set and its reports are used by the goroutine that trains. Only the page is read by others, and never waits for
// them.
package report
