// Package bench measures what a device can do at best (Ceilings) and how near kernels come to it: those that ops
// launch, at the sizes of Qwen2.5 (Shape.Rows), each verified against its definition in float64 before it is timed.
// Roofline draws the results. Package bench/step does the same for whole steps, and the command vulora bench is made of
// both.
//
// For benchstat there are benchmarks whose names are axes (device=cpu/op=linear_gate_up/T=128/dtype=nf4/product=bf16):
//
//	go test -run '^$' -bench 'Row/device=cpu/op=linear_gate_up/T=512' ./bench
//
// rejected.md holds optimisations that did not pay; peers has scripts that run other programs on the same job.
package bench
