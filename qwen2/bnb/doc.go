// Package bnb knows the quantised weight formats of bitsandbytes: NF4 and FP4 with and without double quantisation, as
// QLoRA and transformers' load_in_4bit use them, and 8-bit integers with a scale per row (LLM.int8's vector-wise rule).
//
// Quantize and QuantizeTensor make a Matrix from numbers, Decode reads one from the tensors of a checkpoint that
// transformers saved, Encode gives those tensors back byte for byte. Scales and the Dequantize methods turn a Matrix
// into numbers again. The package does not know models, files or devices: which matrices are quantised, how a device
// lays out packed weights and how it multiplies with them is the business of others.
//
// # What is matched
//
// The bytes are those of bitsandbytes' CUDA kernels (csrc/kernels.cu): their decision trees with literal thresholds,
// their multiplication by a float32 reciprocal, byte 0x00 for blocks of zeros. The CPU backend of bitsandbytes differs
// in that byte and, for FP4, near zero and on ties. CUDA builds divide with fast maths, so the reciprocal there may be
// one unit in the last place off, and with it a code whose number lies that close to a threshold.
//
// A weight is worth level·scale in float32, rounded once: the level is the table's number or the 8-bit integer, the
// scale is the block's restored absmax or the row's absmax/127.
//
// # Lifetimes
//
// A Matrix from Decode aliases the Data of the tensors (packed bytes and nested codes): it may be used as long as they.
// A Matrix from Quantize owns its memory. Nothing in this package writes to a Matrix after returning it.
//
// # Concurrency
//
// All functions may be called concurrently, and methods of one Matrix too. Quantize and QuantizeTensor run goroutines
// of their own (Options.Workers) and wait for them; the result does not depend on how many.
package bnb
