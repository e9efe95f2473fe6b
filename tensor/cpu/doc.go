// Package cpu is the device that computes on the processor: every kernel of package kernel in Go, with assembly for
// the instruction sets that have some.
//
// It knows memory, a pool of workers and arithmetic. It knows no graphs and no plans.
//
// An instruction set is a table of functions (isa.go): a register tile of a matrix product, the packing of its
// panels, and a few vector loops. Everything else, attention included, is built from these, so that a new
// instruction set is one new table. All of them are tested against definitions in float64; plain Go is one of them,
// and the only one on other architectures.
//
// Matrix products never see a weight as a matrix of float32. A block of the stored weight, whatever its type, is
// expanded into panels that stay in the second-level cache and are used by every row of the activations (pack.go,
// product.go). Codes of quantised weights (codes.go) are read where they lie, too: for a few rows of activations as
// often as there are rows, without any panels.
//
// No sum is ever divided between workers. Their number decides only which elements of a result are computed together:
// the same inputs give the same bits with any number of threads.
//
// Numbers below 2⁻¹²⁶ may count as zero in products and exponentials.
//
// Large buffers are outside the Go heap; Buffer.Free returns them to the system. A Program uses scratch of its Device,
// which runs one program at a time: concurrent calls of Run wait for each other. All methods of a Device may be
// called concurrently.
package cpu
