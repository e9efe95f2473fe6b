package packcache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/vulora/vulora/qwen2/safetensors"
)

// defaultLimit bounds the bytes of a cache's entries. The 4-bit layers of a model with 7 billion parameters take 4 GB.
const defaultLimit = 20 << 30

// ErrCorrupt is wrapped by errors about an entry that is not what was written.
var ErrCorrupt = errors.New("damaged")

// Cache is a folder of entries.
type Cache struct {
	Dir   string // made when something is kept
	Limit int64  // bytes of all entries; 0 means 20 GiB
}

// Key says what an entry was made of, and what was made of it.
type Key struct {
	Content Digest // of the checkpoint
	Form    string // format and layout; another text, another entry
}

const (
	suffix  = ".safetensors"
	format  = "vulora packed weights"
	version = "1" // of the entries' own structure: metadata and checksums
)

// path returns the entry's file. The name has the form for who looks into the folder, the digest decides.
func (c Cache) path(k Key) string {
	id := sha256.Sum256(append(k.Content[:], k.Form...))
	name := []byte(k.Form)
	for i, b := range name {
		if !(b >= 'a' && b <= 'z' || b >= '0' && b <= '9') {
			name[i] = '-'
		}
	}
	return filepath.Join(c.Dir, string(name[:min(len(name), 40)])+"-"+hex.EncodeToString(id[:16])+suffix)
}

func (k Key) metadata() map[string]string {
	return map[string]string{"format": format, "version": version, "content": hex.EncodeToString(k.Content[:]),
		"form": k.Form}
}

// Open maps the entry of a key and checks it whole. An error wraps fs.ErrNotExist where there is none, and ErrCorrupt
// where there is one that must be made anew.
func (c Cache) Open(k Key) (*Entry, error) {
	path := c.path(k)
	e, err := open(path, k)
	if err != nil {
		return nil, fmt.Errorf("packcache: open: %w", err)
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // Marks it as used; in a folder that cannot be written to nothing is removed either.
	return e, nil
}

// Write makes the entry of a key from sources, in their order and one after the other, and then removes entries that
// were not used for longest until the rest is within the limit. An entry that would be beyond it alone is an error, and
// so is a change of the checkpoint's files, of which it is made, since they were opened. What was written is on disk
// when Write returns.
func (c Cache) Write(k Key, files []*safetensors.File, sources []safetensors.Source) error {
	size := uint64(0)
	for _, s := range sources {
		n, err := s.Bytes()
		if err != nil {
			return fmt.Errorf("packcache: write: tensor %q: %w", s.Name, err)
		}
		size += n
	}
	if size > uint64(c.limit()) {
		return fmt.Errorf("packcache: write: want at most %d bytes, the size of the cache, have %d", c.limit(), size)
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("packcache: write: %w", err)
	}
	path := c.path(k)
	if err := safetensors.WriteStream(path, withChecksums(files, sources), k.metadata()); err != nil {
		return fmt.Errorf("packcache: %w", err)
	}
	c.prune(path)
	return nil
}

func (c Cache) limit() int64 {
	if c.Limit > 0 {
		return c.Limit
	}
	return defaultLimit
}
