// Package packcache keeps what was made of a checkpoint's weights, quantised and laid out as a device reads it, from
// one load to the next: one safetensors file for each checkpoint and form, in a folder of the user's cache.
//
// An entry is found by the contents of the checkpoint (Checkpoint), not by its name, and by a text that says what was
// made of them (Key.Form). The package does not know models, formats or devices.
//
// # Trust
//
// An entry is used only if everything fits: the header as package safetensors checks it, the version, the key, the
// names and the CRC-32C of every tensor. What does not fit is ErrCorrupt, and is to be made anew. Nothing in a file
// decides how much memory is taken. The checksums find damage, not malice: who can write to the user's cache can write
// to their home.
//
// # Lifetimes
//
// Tensors of an Entry alias its mapping: they may be read until Close. An entry that is removed or replaced while it is
// open stays readable.
//
// # Concurrency
//
// Processes and goroutines may share a folder. Files appear whole, by renaming; of two that make the same entry the
// last one's stays, and both are right.
package packcache
