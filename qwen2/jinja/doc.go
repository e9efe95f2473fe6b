// Package jinja renders the chat templates of checkpoints: the part of Jinja 3.1 that they use, in the environment that
// transformers gives them (trim_blocks, lstrip_blocks, loop controls, generation blocks, raise_exception,
// strftime_now, a tojson that escapes nothing), with the values and the text of Python.
//
// # Why not a library
//
// The one library for Go, gonja 2.9.1, reads neither a condition within parentheses nor {% set a, b = … %} nor
// "not not", takes None for undefined, an empty dict for true, bytes for characters, sorts the keys of dicts, finds no
// [-1] in a list of one and panics at 1 % 0; published templates need these. Nor can it be bounded: "x" * 10**9 is one
// step of its evaluator, and range starts a goroutine that may never end.
//
// # Trust
//
// A template comes with a checkpoint from a stranger. It sees the values it is given and nothing else: no file, no
// other template, no environment, no clock but strftime_now. Values do not change, as in transformers' sandbox. Steps,
// bytes made, depth of nesting and of calls are bounded, so that a hostile template ends soon with an error. All errors
// begin with name:line.
//
// # Lifetimes and concurrency
//
// A Template keeps no reference to what it renders and may be used by any number of goroutines at once.
package jinja
