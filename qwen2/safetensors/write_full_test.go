//go:build linux || darwin || freebsd

package safetensors

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestWriteDiskFull lets the system refuse bytes in the middle of a file, by the process's limit on file sizes.
func TestWriteDiskFull(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := Write(path, nil, nil); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)

	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	small := old
	small.Cur = 1 << 16
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		t.Fatal(err)
	}
	err := Write(path, []Tensor{{Name: "x", DType: "U8", Shape: []int{1 << 20}, Data: make([]byte, 1<<20)}}, nil)
	if e := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); e != nil {
		t.Fatal(e)
	}

	if !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), "needs 1048") ||
		!strings.Contains(err.Error(), "after 65536 bytes") {
		t.Errorf("error %v, want EFBIG, the bytes needed and the 65536 written", err)
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Error("the old file changed")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}
