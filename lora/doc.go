// Package lora trains low-rank adapters on Qwen2 models and reads and writes them as PEFT does.
//
// It knows adapters, the training step and the training loop; data, configuration files and schedules are packages of
// their own below it. It does not know devices or Vulkan, nor text: rows arrive as tokens.
//
// # Lifetimes
//
// An Adapter owns one slab with all its parameters, Train the slabs of gradients and moments, its inputs and its
// programs. Close an adapter before its model.
//
// # Concurrency
//
// An Adapter belongs to one goroutine at a time.
package lora
