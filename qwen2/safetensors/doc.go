// Package safetensors reads and writes the tensor files of Hugging Face checkpoints and PEFT adapters.
//
// Open maps one file; OpenModel maps a checkpoint folder, whole or in shards, as one set of tensors. Write makes a file
// whose bytes equal those of the Python package safetensors. Floats, ToBF16 and ToF16 convert between stored and
// computed numbers. The package knows names, dtypes and shapes; it does not know which tensors a model needs.
//
// # Trust
//
// A file is hostile until its header has been checked whole: sizes, nesting, repeated or ill-encoded names, shapes
// against byte ranges, gaps, overlaps and what follows the last tensor. After Open succeeds each tensor's Data has
// exactly the bytes its DType and Shape ask for. Contents of tensors are not looked at. A header may have 16 MiB (the
// reference allows 100 MB), a tensor 64 dimensions. The dtypes are those of the
// format's first version (BOOL to U64, F16, BF16, F32, F64); 8- and 4-bit floats are refused by name.
//
// # Lifetimes
//
// Tensor.Data of an opened file aliases the mapping: it may be read until Close of its File or Model, never written,
// and a read after Close ends the process. The start of Data need not be aligned. A mapped file must not be truncated
// by others while open; Write replaces files by renaming, so overwriting a file that is open is safe on Unix.
//
// # Concurrency
//
// An open File or Model may be read from any number of goroutines. Close must not run beside a use of the tensors.
package safetensors
