package rowcache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2/atomicfile"
)

// defaultLimit bounds the bytes of all entries. A million rows of 200 tokens take about 600 MB.
const defaultLimit = 4 << 30

// ErrCorrupt is wrapped by errors about an entry that is not what was written.
var ErrCorrupt = errors.New("damaged")

// Cache is a folder of entries.
type Cache struct {
	Dir   string // made when something is kept
	Limit int64  // bytes of all entries; 0 means 4 GiB
}

// Key names an entry.
type Key [sha256.Size]byte

// NewKey hashes the files in their order, with the endings of their names, and what else decides about the tokens.
func NewKey(names []string, settings ...string) (Key, error) {
	all := sha256.New()
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return Key{}, fmt.Errorf("rowcache: %w", err)
		}
		one := sha256.New()
		_, err = io.Copy(one, f)
		f.Close()
		if err != nil {
			return Key{}, fmt.Errorf("rowcache: %s: %w", name, err)
		}
		base := strings.ToLower(filepath.Base(name))
		_, endings, _ := strings.Cut(base, ".")
		fmt.Fprintf(all, "file %q %x\n", endings, one.Sum(nil))
	}
	for _, s := range settings {
		fmt.Fprintf(all, "%q\n", s)
	}
	return Key(all.Sum(nil)), nil
}

// Rows is what an entry holds.
type Rows struct {
	Files    []data.File
	Report   data.Report
	Examples []data.Example
}

const suffix = ".rows"

func (c Cache) path(k Key) string { return filepath.Join(c.Dir, hex.EncodeToString(k[:16])+suffix) }

// Read returns the rows of a key. An error wraps fs.ErrNotExist where there are none, and ErrCorrupt where there is
// an entry that must be made anew.
func (c Cache) Read(k Key) (*Rows, error) {
	path := c.path(k)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("rowcache: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("rowcache: %w", err)
	}
	rows, err := decode(f, info.Size(), k)
	if err != nil {
		return nil, fmt.Errorf("rowcache: %s: %w: %w", path, ErrCorrupt, err)
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // marks it as used
	return rows, nil
}

// Write makes the entry of a key, and then removes those that were not used for longest until all are within the limit.
func (c Cache) Write(k Key, rows *Rows) error {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("rowcache: %w", err)
	}
	path := c.path(k)
	if err := atomicfile.Write(path, func(w io.Writer) error { return encode(w, k, rows) }); err != nil {
		return fmt.Errorf("rowcache: %w", err)
	}
	c.prune(path)
	return nil
}

// prune leaves the entry at path unless it alone is beyond the limit, and what is not the cache's.
func (c Cache) prune(path string) {
	limit := c.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	ours := func(name string) bool { return strings.HasSuffix(name, suffix) && len(name) == 32+len(suffix) }
	if atomicfile.Prune(c.Dir, ours, limit, path) > limit {
		os.Remove(path)
	}
}
