package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vulora/vulora/qwen2/atomicfile"
)

// Replace puts the files that fill writes into the folder dir, in place of those of the same names. The file last,
// which tells a reader that the others are there, is taken away before the first of them changes and comes after them.
// When fill fails, dir is as it was. need is about how many bytes the files have.
func Replace(dir, last string, need int64, fill func(dir string) error) (err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := Room(dir, need); err != nil {
		return fmt.Errorf("checkpoint: %s: %w", dir, err)
	}
	temp := hiddenName(Dir(dir, 0))
	if err := os.Mkdir(temp, 0o777); err != nil {
		return fmt.Errorf("checkpoint: %w", explain(err, dir, need))
	}
	defer os.RemoveAll(temp)
	if err := fill(temp); err != nil {
		return fmt.Errorf("checkpoint: %s: %w", dir, explain(err, dir, need))
	}
	entries, err := os.ReadDir(temp)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	move := func(name string) error { return os.Rename(filepath.Join(temp, name), filepath.Join(dir, name)) }
	if err := os.Remove(filepath.Join(dir, last)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("checkpoint: %w", err)
	}
	for _, e := range entries {
		if e.Name() != last {
			err = errors.Join(err, move(e.Name()))
		}
	}
	if err == nil {
		err = atomicfile.SyncDir(dir) // the others before the last
	}
	if err == nil {
		err = move(last)
	}
	if err == nil {
		err = atomicfile.SyncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("checkpoint: %s: %w", dir, err)
	}
	return nil
}
