package lora

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// An outputFolder is where a checkpoint is written.
type outputFolder struct {
	dir     string
	made    bool     // by open
	keep    bool     // undo leaves what there is: it may be somebody else's
	written []string // names given out by path
}

// open makes the folder, or takes one that is empty or holds what an interrupted run has left: some of names and their
// temporary files, but no config.json. With overwrite it may hold anything. None of others may be the folder itself.
func (d *outputFolder) open(names []string, overwrite bool, others ...string) error {
	here, err := os.Stat(d.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil {
		d.made = true
		return os.MkdirAll(d.dir, 0o777)
	}
	for _, other := range others {
		if there, err := os.Stat(other); err == nil && os.SameFile(here, there) {
			return fmt.Errorf("%s: want another folder than the one that is read from", d.dir)
		}
	}
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return err
	}
	var left []string // temporary files
	whole := false
	for _, e := range entries {
		temporary := slices.ContainsFunc(names, func(n string) bool {
			return strings.HasPrefix(e.Name(), "."+n+".") && strings.HasSuffix(e.Name(), ".tmp")
		})
		if temporary {
			left = append(left, e.Name())
		} else if !slices.Contains(names, e.Name()) && !overwrite {
			return fmt.Errorf("%s: %w with %s in it", d.dir, ErrNotEmpty, e.Name())
		}
		whole = whole || e.Name() == modelConfigFile
	}
	if whole && !overwrite {
		return fmt.Errorf("%s: %w with a checkpoint in it", d.dir, ErrNotEmpty)
	}
	if d.keep = overwrite; overwrite {
		left = append(left, modelConfigFile) // no mixture of old and new weights is to be loaded
	}
	for _, name := range left {
		if err := os.Remove(filepath.Join(d.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// ErrNotEmpty is returned for an output folder that holds other things.
var ErrNotEmpty = errors.New("want a new or an empty folder, have one")

// path returns the path of a file that is about to be written.
func (d *outputFolder) path(name string) string {
	d.written = append(d.written, name)
	return filepath.Join(d.dir, name)
}

// clean removes an index or a model file of before, which would be read instead of what was written.
func (d *outputFolder) clean() error {
	for _, name := range []string{modelFile, modelIndexFile} {
		if slices.Contains(d.written, name) {
			continue
		}
		if err := os.Remove(filepath.Join(d.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// undo removes what was written, and the folder if it was made for it.
func (d *outputFolder) undo() {
	if d.keep {
		return
	}
	for _, name := range d.written {
		_ = os.Remove(filepath.Join(d.dir, name))
	}
	if d.made {
		_ = os.Remove(d.dir)
	}
}
