package atomicfile

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// bufferSize gathers small writes; larger ones pass through it.
const bufferSize = 1 << 18

// Write makes the file path with the bytes that fill writes. Writes to w are buffered; fill need not flush.
//
// An existing file keeps its permissions, a new one gets 0666 less the umask. A symbolic link is replaced, never
// followed: a model cache links many names to one file. A device, pipe or folder at path is an error.
// When fill or the file system fails the temporary file is removed and path is as it was; the error wraps the cause.
func Write(path string, fill func(w io.Writer) error) (err error) {
	mode, err := targetMode(path)
	if err != nil {
		return err
	}
	f, err := createTemp(path, mode)
	if err != nil {
		return err
	}
	temp := f.Name()
	renamed := false
	defer func() { // Runs on a panic of fill too.
		if !renamed {
			f.Close()
			os.Remove(temp)
		}
	}()
	count := &counter{w: f}
	if err := fillAndSync(f, count, fill); err != nil {
		return fmt.Errorf("atomicfile: write %s: after %d bytes: %w", path, count.n, err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("atomicfile: write %s: %w", path, err)
	}
	renamed = true
	if err := SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("atomicfile: write %s: sync folder: %w", path, err)
	}
	return nil
}

// targetMode returns the permissions for the file at path, whose umask is still to be applied when there is none yet.
func targetMode(path string) (fs.FileMode, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0o666, nil
	case err != nil:
		return 0, fmt.Errorf("atomicfile: write: %w", err)
	case info.Mode()&fs.ModeSymlink != 0:
		return 0o666, nil
	case !info.Mode().IsRegular():
		return 0, fmt.Errorf("atomicfile: write %s: want a regular file or none, have %v", path, info.Mode().Type())
	}
	return info.Mode().Perm(), nil
}

// createTemp is os.CreateTemp with a mode, because a result that only its owner can read surprises everyone else.
func createTemp(path string, mode fs.FileMode) (*os.File, error) {
	dir, base := filepath.Split(path)
	if len(base) > 200 { // Room for the affixes below the usual limit of 255 bytes.
		base = strings.ToValidUTF8(base[:200], "")
	}
	for {
		temp := filepath.Join(dir, "."+base+"."+rand.Text()[:10]+".tmp")
		f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("atomicfile: write %s: %w", path, err)
		}
		if mode != 0o666 { // The permissions of the file to be replaced are final, whatever the umask.
			if err := f.Chmod(mode); err != nil {
				f.Close()
				os.Remove(temp)
				return nil, fmt.Errorf("atomicfile: write %s: %w", path, err)
			}
		}
		return f, nil
	}
}

// fillAndSync leaves f closed and on disk, or returns the first error.
func fillAndSync(f *os.File, count *counter, fill func(io.Writer) error) error {
	w := bufio.NewWriterSize(count, bufferSize)
	if err := fill(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// counter counts the bytes that reached the file.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
