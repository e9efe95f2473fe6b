package packcache

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	abandoned = time.Hour // after the last write to a temporary file, whose process was killed
	memos     = 1000      // digests that are kept
)

// ours are the names that path and memoPath make.
var ours = regexp.MustCompile(`^([a-z0-9-]*-[0-9a-f]{32}\.safetensors|[0-9a-f]{32}\.json)$`)

// A kept file is one of the cache's.
type kept struct {
	path string
	size int64
	used time.Time
}

// prune removes what a killed process has left, and then what was not used for longest until the entries are within
// the limit; the one at path stays. What cannot be removed stays for the next time.
func (c Cache) prune(path string) {
	entries, left := list(c.Dir)
	for _, f := range left {
		os.Remove(f.path)
	}
	total := int64(0)
	for _, f := range entries {
		total += f.size
	}
	for _, f := range entries {
		if total <= c.limit() {
			break
		}
		if f.path != path && os.Remove(f.path) == nil {
			total -= f.size
		}
	}
	digests, left := list(filepath.Join(c.Dir, memoFolder))
	for _, f := range append(left, digests[:max(0, len(digests)-memos)]...) {
		os.Remove(f.path)
	}
}

// list returns the files of a folder, least recently used first, and apart from them the temporary files that nobody
// writes any more. A file of another kind is not the cache's and is not touched.
func list(dir string) (files, left []kept) {
	found, _ := os.ReadDir(dir)
	for _, e := range found {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		f := kept{filepath.Join(dir, e.Name()), info.Size(), info.ModTime()}
		switch ext := filepath.Ext(e.Name()); {
		case ext == ".tmp" && strings.HasPrefix(e.Name(), "."):
			if time.Since(f.used) > abandoned {
				left = append(left, f)
			}
		case ours.MatchString(e.Name()):
			files = append(files, f)
		}
	}
	slices.SortFunc(files, func(a, b kept) int { return a.used.Compare(b.used) })
	return files, left
}
