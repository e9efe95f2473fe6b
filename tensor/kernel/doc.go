// Package kernel is the contract between package tensor and the devices under it.
//
// It knows what a device must be able to do (Device, Buffer, Program), what one launch of a kernel is (Launch), and for
// every kernel the sizes it is given and the operands it reads and writes. It knows no graph, no plan and no hardware.
//
// A kernel is named by the type of its sizes struct. The struct has only uint32 and float32 fields, so that its memory
// is what a shader sees as push constants. Sizes never change from one run of a program to the next: whatever does
// (token ids, learning rate, random key) is an operand.
//
// Letters in the contracts: T tokens, C hidden, H heads, K key/value heads (or the inner dimension of a product),
// D head size, F feed-forward, V vocabulary, R rank. Operands are contiguous and row-major unless a stride is given;
// strides and column offsets count elements. Unless said otherwise operands are float32 and arithmetic is float32.
// "In place" marks an output that the kernel reads before it writes.
//
// Every kernel writes all of its outputs (or, with a stride, all of its columns) and nothing else, and its result does
// not depend on how a device splits the work: the same device, variant and inputs give the same bits.
package kernel
