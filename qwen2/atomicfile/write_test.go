package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func bytesWriter(b []byte) func(io.Writer) error {
	return func(w io.Writer) error { _, err := w.Write(b); return err }
}

func onlyFile(t *testing.T, dir, name, content string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != name {
		t.Fatalf("folder holds %v, want only %s", entries, name)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, name)); string(b) != content {
		t.Fatalf("content %q, want %q", b, content)
	}
}

func TestWriteReplacesAndKeepsMode(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := Write(path, bytesWriter([]byte("one"))); err != nil {
		t.Fatal(err)
	}
	onlyFile(t, dir, "f", "one")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	big := bytes.Repeat([]byte("x"), 3*bufferSize+1)
	if err := Write(path, func(w io.Writer) error {
		for _, b := range [][]byte{big[:1], big[1:]} {
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	onlyFile(t, dir, "f", string(big))
	if info, _ := os.Stat(path); runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, want -rw-r-----", info.Mode())
	}
}

func TestWriteFailureLeavesOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := Write(path, bytesWriter([]byte("old"))); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("no luck")
	err := Write(path, func(w io.Writer) error {
		if _, err := w.Write(make([]byte, bufferSize+5)); err != nil {
			return err
		}
		return cause
	})
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want the cause and the path", err)
	}
	onlyFile(t, dir, "f", "old")

	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic of fill was swallowed")
			}
		}()
		Write(path, func(io.Writer) error { panic("boom") })
	}()
	onlyFile(t, dir, "f", "old")
}

func TestWriteRefusesOddTargets(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, bytesWriter(nil)); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("folder: %v", err)
	}
	if err := Write(filepath.Join(dir, "none", "f"), bytesWriter(nil)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
	if _, err := os.Stat("/dev/null"); err == nil {
		if err := Write("/dev/null", bytesWriter(nil)); err == nil {
			t.Error("/dev/null was replaced")
		}
	}
}

func TestWriteReplacesLinkNotTarget(t *testing.T) {
	dir := t.TempDir()
	blob, link := filepath.Join(dir, "blob"), filepath.Join(dir, "link")
	if err := os.WriteFile(blob, []byte("shared"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(blob, link); err != nil {
		t.Skipf("NOT TESTED: no symbolic links here: %v", err)
	}
	if err := Write(link, bytesWriter([]byte("mine"))); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(blob); string(b) != "shared" {
		t.Errorf("the link's target became %q", b)
	}
	if info, _ := os.Lstat(link); !info.Mode().IsRegular() {
		t.Errorf("link is %v, want a regular file", info.Mode())
	}
}

func TestWriteLongName(t *testing.T) {
	dir := t.TempDir()
	name := strings.Repeat("n", 250)
	if err := Write(filepath.Join(dir, name), bytesWriter([]byte("a"))); err != nil {
		t.Fatal(err)
	}
	onlyFile(t, dir, name, "a")
}

func TestConcurrentWritersLeaveOneWholeFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if err := Write(path, func(w io.Writer) error {
				for range 1000 {
					if _, err := fmt.Fprintf(w, "%d", i); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	b, err := os.ReadFile(path)
	if err != nil || len(b) != 1000 || bytes.Count(b, b[:1]) != 1000 {
		t.Fatalf("file of %d bytes starting %.8q (%v), want 1000 equal ones", len(b), b, err)
	}
	onlyFile(t, dir, "f", string(b))
}
