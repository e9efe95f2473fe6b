// Package data turns files of rows into the token ids, labels and batches of a training run.
//
//	files ──Scan──► Rows ──Builder──► Examples ──NewPlan──► Steps of micro-batches
//
// It knows JSON, JSON lines, CSV, plain text and parquet; the alpaca, messages, sharegpt, completion and text formats;
// the prompt templates; which tokens are supervised; and the row order and step count of transformers' Trainer. It does
// not know tokenizers (they come in through [Encoder] and [ChatEncoder]), devices, padding on a device, or losses.
//
// [Scan] holds no more of a file in memory than a row or a part of a document. Rows share no memory with what the
// caller passed in. All values are plain data, never changed by this package once returned, and safe for concurrent
// reading.
package data
