// Package qwen2 is the Qwen2 and Qwen2.5 models: configuration, weights, graph, key/value cache and generation.
//
// It knows how to load a Hugging Face checkpoint, how to record the model's graph for training (with low-rank adapters
// from package lora) and for generation, and how to sample. It does not know training. The tokenizer and the file
// formats are packages of their own below it.
//
// # Lifetimes
//
// A Model owns its weights, and the mapped files they may lie in, until Close. A Session owns its cache and programs
// and must be closed before its model, a model before its device. Close is idempotent.
//
// # Concurrency
//
// A Model may be shared by sessions; a Session belongs to one goroutine at a time.
package qwen2
