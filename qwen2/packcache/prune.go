package packcache

import (
	"os"
	"path/filepath"
	"regexp"

	"github.com/vulora/vulora/qwen2/atomicfile"
)

// memos are the digests that are kept.
const memos = 1000

// ours are the names that path and memoPath make.
var ours = regexp.MustCompile(`^([a-z0-9-]*-[0-9a-f]{32}\.safetensors|[0-9a-f]{32}\.json)$`)

// prune removes what a killed process has left, and then what was not used for longest until the entries are within
// the limit; the one at path stays.
func (c Cache) prune(path string) {
	atomicfile.Prune(c.Dir, ours.MatchString, c.limit(), path)
	digests := atomicfile.Sweep(filepath.Join(c.Dir, memoFolder), ours.MatchString)
	for _, f := range digests[:max(0, len(digests)-memos)] {
		os.Remove(f.Path)
	}
}
