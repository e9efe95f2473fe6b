// Package peft knows the adapter directories of Hugging Face's PEFT (0.21.2) for LoRA: adapter_config.json, which
// modules a config targets and with what rank and scaling, the names of the tensors, their initial values, and the
// model card.
//
// It does not know tensor files, models or arithmetic: modules are names, values are plain slices. A [Config] is plain
// data; it may be read from several goroutines while nobody writes it.
//
// Reading is lenient where PEFT is: unknown keys are warnings. Settings that change what an adapter computes and are
// not supported are kept, so that a config can be inspected and written back, but [Match] refuses them by name.
package peft
