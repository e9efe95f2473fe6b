package checkpoint

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/vulora/vulora/qwen2/atomicfile"
)

const (
	prefix  = "checkpoint-"
	hidden  = "." + prefix // of folders that are being written or removed
	tempEnd = ".tmp"
)

// Dir is the folder of the checkpoint after step below parent.
func Dir(parent string, step int) string { return filepath.Join(parent, prefix+strconv.Itoa(step)) }

// Write makes the checkpoint after step below parent with the files that fill puts into the folder it is given. need is
// about how many bytes they have: where less is free nothing is begun. When anything fails, what was there before is
// still there, nothing new is, and an error that a full disk or a limit caused tells what was needed and what is free.
//
// A complete checkpoint of that step is left as it is, since it was made by the same run, unless again says that it was
// made before all was done that belongs to the step.
func Write(parent string, step int, need int64, again bool, fill func(dir string) error) (dir string, err error) {
	dir = Dir(parent, step)
	if !again && Verify(dir) == nil {
		return dir, nil
	}
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return dir, fmt.Errorf("checkpoint: %w", err)
	}
	if err := Room(parent, need); err != nil {
		return dir, fmt.Errorf("checkpoint: %s: %w", dir, err)
	}
	temp := hiddenName(dir)
	if err := os.Mkdir(temp, 0o777); err != nil {
		return dir, fmt.Errorf("checkpoint: %w", explain(err, parent, need))
	}
	defer func() {
		if err != nil {
			os.RemoveAll(temp)
		}
	}()
	if err := fill(temp); err != nil {
		return dir, fmt.Errorf("checkpoint: %s: %w", dir, explain(err, parent, need))
	}
	if err := seal(temp); err != nil {
		return dir, fmt.Errorf("checkpoint: %s: %w", dir, explain(err, parent, need))
	}
	return dir, put(temp, dir)
}

// put gives temp the name dir, in place of what has it.
func put(temp, dir string) error {
	old := hiddenName(dir)
	if err := os.Rename(dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := os.Rename(temp, dir); err != nil {
		return fmt.Errorf("checkpoint: %w", errors.Join(err, ignoreMissing(os.Rename(old, dir))))
	}
	if err := atomicfile.SyncDir(filepath.Dir(dir)); err != nil {
		return fmt.Errorf("checkpoint: %s: %w", dir, err)
	}
	if err := os.RemoveAll(old); err != nil {
		return fmt.Errorf("checkpoint: remove: %w", err)
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func hiddenName(dir string) string {
	return filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+"."+rand.Text()[:10]+tempEnd)
}

// Remove removes a checkpoint's folder, if there is one. It stops to count before its first file is gone.
func Remove(dir string) error {
	temp := hiddenName(dir)
	err := os.Rename(dir, temp)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = os.RemoveAll(temp)
	}
	if err != nil {
		return fmt.Errorf("checkpoint: remove: %w", err)
	}
	return nil
}
