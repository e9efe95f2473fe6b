// Package demodata embeds a tiny Qwen2 checkpoint and 54 rows of questions and answers in Korean for the demo command.
//
// The checkpoint, qwen2-demo, has 1,476,864 parameters and was trained from nothing on a small corpus of simple
// questions in English and Korean; the rows are not in that corpus. Checkpoint, tokenizer and corpus are CC0-1.0 or
// Apache-2.0, as you prefer. The package only holds the files: it knows nothing about their formats.
package demodata

import (
	"embed"
	"io/fs"
)

//go:embed qwen2-demo korean_counties.json
var files embed.FS

// Rows is the name of the file of rows, which have the fields instruction, input and output.
const Rows = "korean_counties.json"

// Model returns the files of the checkpoint.
func Model() (fs.FS, error) { return fs.Sub(files, "qwen2-demo") }

// ReadRows returns the content of the file Rows.
func ReadRows() ([]byte, error) { return files.ReadFile(Rows) }
