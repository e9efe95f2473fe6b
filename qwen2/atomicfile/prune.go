package atomicfile

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// abandoned is the time after the last write to a temporary file from which on its process was killed.
const abandoned = time.Hour

// A Kept file is one that is kept for the next time, until room is needed.
type Kept struct {
	Path  string
	Bytes int64
	used  time.Time
}

// Sweep removes the temporary files of a folder that nobody writes any more, and returns the files with names that are
// ours, least recently used first by the time of their last change, which a reader sets. Files of other names are not
// touched. What cannot be removed stays for the next time.
func Sweep(dir string, ours func(name string) bool) (files []Kept) {
	found, _ := os.ReadDir(dir)
	for _, e := range found {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		f := Kept{filepath.Join(dir, e.Name()), info.Size(), info.ModTime()}
		switch name := e.Name(); {
		case strings.HasPrefix(name, ".") && strings.HasSuffix(name, ".tmp"):
			if time.Since(f.used) > abandoned {
				os.Remove(f.Path)
			}
		case ours(name):
			files = append(files, f)
		}
	}
	slices.SortFunc(files, func(a, b Kept) int { return a.used.Compare(b.used) })
	return files
}

// Prune sweeps a folder and removes what was not used for longest until the files that are ours have at most limit
// bytes; the one at the path keep stays in any case. It returns the bytes that are left.
func Prune(dir string, ours func(name string) bool, limit int64, keep string) (left int64) {
	files := Sweep(dir, ours)
	for _, f := range files {
		left += f.Bytes
	}
	for _, f := range files {
		if left <= limit {
			break
		}
		if f.Path != keep && os.Remove(f.Path) == nil {
			left -= f.Bytes
		}
	}
	return left
}
