// Package bench measures what a device can do at best (Ceilings) and how near kernels come to it: those that ops
// launch, at the sizes of Qwen2.5 (Shape.Rows), each verified against its definition in float64 before it is timed.
// Roofline draws the results. The command vulora bench is made of it.
//
// For benchstat there are benchmarks whose names are axes, Row/device=cpu/op=linear_gate_up/T=128/dtype=nf4:
//
//	go test -run '^$' -bench Row ./bench
//
// rejected.md holds optimisations that did not pay; peers has scripts that run other programs on the same job.
package bench
