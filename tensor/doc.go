// Package tensor records, plans and runs computations over tensors on one device.
//
// It knows data types, shapes, every operation (op_*.go: forward and backward side by side), the memory plan and the
// devices. It does not know the chain rule (package autograd) or any model.
//
// A computation is recorded once over symbolic Values, which have a Spec but no memory: ops append kernel launches to a
// Recorder. NewPlan gives every value a place in a few arenas, so the peak is known to the byte before anything is
// allocated, and finds the barriers. A Workspace allocates the arenas and Compile makes a Program that runs again and
// again. What changes from run to run lives in Tensors: memory that outlives programs and that the host writes.
//
// # Lifetimes
//
// Whoever allocates a Tensor frees it. A Workspace owns its arenas and must outlive the programs compiled in it.
// Programs of one workspace share its memory: they may run one after the other, never at once, and nothing in a
// temporary survives from one run to the next. Nothing is freed by a finalizer.
//
// # Concurrency
//
// Recorders, plans, workspaces and programs belong to one goroutine at a time.
package tensor
