// Vulora fine-tunes Qwen2 and Qwen2.5 language models with low-rank adapters and runs them, on any Vulkan device or
// on the CPU: vulora COMMAND [flags], see vulora help.
//
// The package knows flags, files of settings, terminals and how to say what went wrong. What it does is done by the
// packages lora and qwen2. A command is a file of its own; commands.go lists them.
//
// Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted, after saving what there was to save.
package main
