// Package bench times what package tensor does: the op table's rows, on every device. It verifies a row before it times
// it.
//
// Run it with
//
//	go test -bench . ./bench -benchtime 20x
//
// The names of benchmarks are axes for benchstat: Op/device=cpu/op=linear_bf16_…
package bench
