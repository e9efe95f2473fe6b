// Package optest is the table of operations: one row says what an op is, as a plain function in float64, and everything
// that is known about the op follows from the row. Check compares the result with the definition and each gradient with
// central differences of the definition under a random cotangent, on any device, and watches the memory around
// every output. Benchmarks take their shapes from the same rows.
package optest
