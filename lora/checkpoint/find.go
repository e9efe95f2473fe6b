package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Found is a folder named checkpoint-N.
type Found struct {
	Dir  string
	Step int
}

// List returns the folders named checkpoint-N below parent, oldest first, complete or not.
func List(parent string) ([]Found, error) {
	entries, err := os.ReadDir(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	var all []Found
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), prefix)
		step, err := strconv.Atoi(number)
		if ok && err == nil && step > 0 && strconv.Itoa(step) == number && e.IsDir() {
			all = append(all, Found{filepath.Join(parent, e.Name()), step})
		}
	}
	slices.SortFunc(all, func(a, b Found) int { return a.Step - b.Step })
	return all, nil
}

// Newest returns the newest complete checkpoint below parent, nil if there is none, and why newer ones were passed
// over.
func Newest(parent string) (newest *Found, passed []error, err error) {
	all, err := List(parent)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range slices.Backward(all) {
		if err := Verify(f.Dir); err != nil {
			passed = append(passed, err)
			continue
		}
		return &f, passed, nil
	}
	return nil, passed, nil
}

// Rotate removes the oldest checkpoints below parent up to limit, and those whose complete.json cannot be read; 0 means
// no limit. The newest and the folders keep stay, and count, whatever the limit and their age. A folder without
// complete.json is another program's.
func Rotate(parent string, limit int, keep ...string) error {
	if limit <= 0 {
		return nil
	}
	all, err := List(parent)
	if err != nil {
		return err
	}
	kept := func(f Found) bool {
		return slices.ContainsFunc(keep, func(dir string) bool {
			return dir != "" && filepath.Clean(dir) == filepath.Clean(f.Dir)
		})
	}
	left := limit
	for _, f := range all {
		if kept(f) {
			left--
		}
	}
	var errs []error
	for i, f := range slices.Backward(all) {
		if kept(f) {
			continue
		}
		_, err := readSeal(f.Dir)
		if errors.Is(err, ErrIncomplete) {
			continue // another program's: ours are complete before they have their name
		}
		if err == nil && (left > 0 || i == len(all)-1) {
			left--
			continue
		}
		errs = append(errs, Remove(f.Dir))
	}
	return errors.Join(errs...)
}

// Clean removes what ended processes have left half written or half removed below parent.
func Clean(parent string) error {
	entries, err := os.ReadDir(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), hidden) && strings.HasSuffix(e.Name(), tempEnd) {
			errs = append(errs, os.RemoveAll(filepath.Join(parent, e.Name())))
		}
	}
	return errors.Join(errs...)
}
