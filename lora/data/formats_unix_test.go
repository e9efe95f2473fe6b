//go:build unix

package data

import (
	"path/filepath"
	"syscall"
	"testing"
)

func TestFilesThatBlock(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.jsonl")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, pipe, "want a file, have a pipe")
	refused(t, "/dev/null", "want a file, have a device")
}
