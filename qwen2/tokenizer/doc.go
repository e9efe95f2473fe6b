// Package tokenizer turns text into the token ids of Qwen2 models and back, and renders their chats.
//
// Load reads a checkpoint's tokenizer.json and tokenizer_config.json: byte-level BPE over NFC text, split by Qwen2's
// expression, with added tokens. The ids are those of the Rust library tokenizers. A file that asks for another model,
// normaliser, pre-tokenizer, post-processor or decoder is refused by name; so are dropout and ignore_merges. The
// truncation and padding of tokenizer.json are ignored: they are the caller's to do.
//
// RenderChat and EncodeChat write the ChatML of Qwen2 and Qwen2.5 where the checkpoint's chat_template is, by its text,
// one of the templates of that family, which differ in their default system prompt and in whether they know tools. Any
// other template is run by package jinja; what is wrong with one is an error when a chat is rendered.
//
// The package knows nothing of tensors, of truncation to a context, or of what a prompt should say.
//
// # Lifetimes
//
// A Tokenizer keeps no reference to the files or bytes it was read from. Slices and strings it returns belong to the
// caller.
//
// # Concurrency
//
// A Tokenizer may be used from any number of goroutines. A Stream belongs to one.
package tokenizer
