package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/vulora/vulora/qwen2/atomicfile"
)

// sealName is the file that makes a folder complete.
const sealName = "complete.json"

// maxSeal bounds it, in bytes; it has about a hundred for each file.
const maxSeal = 1 << 20

// seal says what a complete folder holds.
type sealFile struct {
	Format int              `json:"format"`
	Files  map[string]entry `json:"files"` // by name, with slashes
}

type entry struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// seal syncs what is in dir and writes its complete.json.
func seal(dir string) error {
	s := sealFile{Format: 1, Files: map[string]entry{}}
	var folders []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			folders = append(folders, path)
			return nil
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		e, err := measure(path, true)
		s.Files[filepath.ToSlash(name)] = e
		return err
	})
	if err != nil {
		return err
	}
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(dir, sealName), append(content, '\n')); err != nil {
		return err
	}
	for _, f := range slices.Backward(folders) {
		if err := atomicfile.SyncDir(f); err != nil {
			return err
		}
	}
	return nil
}

func measure(path string, sync bool) (e entry, err error) {
	f, err := os.Open(path)
	if err != nil {
		return e, err
	}
	defer f.Close()
	h := sha256.New()
	if e.Bytes, err = io.Copy(h, f); err != nil {
		return e, err
	}
	e.SHA256 = hex.EncodeToString(h.Sum(nil))
	if sync {
		err = syncFile(f)
	}
	return e, err
}

func writeSynced(path string, content []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Verify tells what is missing from a checkpoint's folder or is not as it was written. A folder that never was complete
// gives ErrIncomplete, one that has changed since ErrDamaged.
func Verify(dir string) error {
	s, err := readSeal(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return fmt.Errorf("checkpoint: %s: %w: want names below the folder, have %q", dir, ErrDamaged, name)
		}
		have, err := measure(filepath.Join(dir, filepath.FromSlash(name)), false)
		switch want := s.Files[name]; {
		case errors.Is(err, fs.ErrNotExist):
			errs = append(errs, fmt.Errorf("%s: want %d bytes, have no such file", name, want.Bytes))
		case err != nil:
			errs = append(errs, err)
		case have.Bytes != want.Bytes:
			errs = append(errs, fmt.Errorf("%s: want %d bytes, have %d", name, want.Bytes, have.Bytes))
		case have != want:
			errs = append(errs, fmt.Errorf("%s: want the SHA-256 %s, have %s", name, want.SHA256, have.SHA256))
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("checkpoint: %s: %w: %w", dir, ErrDamaged, errors.Join(errs...))
	}
	return nil
}

// What Verify finds.
var (
	ErrIncomplete = errors.New("it was never complete")
	ErrDamaged    = errors.New("files are not as they were written")
)

func readSeal(dir string) (s sealFile, err error) {
	path := filepath.Join(dir, sealName)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("checkpoint: %s: want a folder, have none: %w", dir, ErrIncomplete)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("checkpoint: %s: %w: want %s, have none", dir, ErrIncomplete, sealName)
	}
	if err != nil {
		return s, fmt.Errorf("checkpoint: %w", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSeal+1))
	if err != nil {
		return s, fmt.Errorf("checkpoint: %w", err)
	}
	if len(content) > maxSeal {
		return s, fmt.Errorf("checkpoint: %s: %w: want at most %d bytes, have more", path, ErrDamaged, maxSeal)
	}
	d := json.NewDecoder(bytes.NewReader(content))
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("checkpoint: %s: %w: %w", path, ErrDamaged, err)
	}
	if s.Format != 1 {
		return s, fmt.Errorf("checkpoint: %s: want format 1, have %d: a later version wrote it", path, s.Format)
	}
	return s, nil
}
