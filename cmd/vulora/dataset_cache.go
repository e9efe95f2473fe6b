package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/lora/data/rowcache"
	"github.com/vulora/vulora/qwen2/tokenizer"
)

// cacheFrom is the size of the data files, in bytes, from which on it pays to keep their tokens: so much is read and
// tokenised in about half a second, and read from the cache in a tenth of that.
const cacheFrom = 4 << 20

// rowCache keeps tokenised rows from one run to the next.
type rowCache struct {
	dir       string // empty where nothing is kept
	from      int64  // bytes of data files; smaller ones are not kept
	tokenizer string // names the tokenizer and chat template by their contents
}

// newRowCache returns the cache of rows that the model's tokenizer makes.
func (o *modelOptions) newRowCache() rowCache {
	if !o.cache {
		return rowCache{}
	}
	h := sha256.New()
	for _, path := range []string{filepath.Join(o.dir, "tokenizer.json"), filepath.Join(o.dir, "tokenizer_config.json"),
		filepath.Join(o.dir, "chat_template.jinja"), o.chatTemplate} {
		content, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return rowCache{}
		}
		fmt.Fprintf(h, "%d\n%s", len(content), content)
	}
	return rowCache{dir: cacheDir("rows"), from: cacheFrom, tokenizer: fmt.Sprintf("%x", h.Sum(nil))}
}

// kept is where the rows of some files are, or will be; nil where they are not kept.
type kept struct {
	cache rowcache.Cache
	key   rowcache.Key
	names []string
	seen  []fs.FileInfo // the files before they were read
}

// find returns the rows of the files if they were kept, and where they are to be kept.
func (c *rowCache) find(s *shell, t *tokenizer.Tokenizer, names []string, ro data.ReadOptions, bo data.Options) (
	*dataset, *kept) {
	k := &kept{cache: rowcache.Cache{Dir: c.dir}, names: names}
	size := int64(0)
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() {
			return nil, nil // reading says what is wrong
		}
		size += info.Size()
		k.seen = append(k.seen, info)
	}
	if c.dir == "" || size < c.from || t.ChatReadsClock() {
		return nil, nil
	}
	var err error
	skip := ro.Skip != nil
	ro.Skip = nil
	k.key, err = rowcache.NewKey(names, version, c.tokenizer, fmt.Sprintf("%+v %v %+v", ro, skip, bo))
	if err != nil {
		return nil, nil
	}
	rows, err := k.cache.Read(k.key)
	if err != nil {
		if errors.Is(err, rowcache.ErrCorrupt) {
			s.note("%s: the rows are tokenised anew", plain(err.Error()))
		}
		return nil, k
	}
	for i := range rows.Files {
		rows.Files[i].Name = names[i]
	}
	return &dataset{files: rows.Files, examples: rows.Examples, report: rows.Report}, k
}

// keep writes rows that are all good, if their files are what they were. That it cannot is no reason to stop.
func (k *kept) keep(s *shell, d *dataset) {
	if k == nil || d.bad.Total > 0 {
		return
	}
	for i, name := range k.names {
		now, err := os.Stat(name)
		if err != nil || now.Size() != k.seen[i].Size() || !now.ModTime().Equal(k.seen[i].ModTime()) {
			return
		}
	}
	err := k.cache.Write(k.key, &rowcache.Rows{Files: d.files, Report: d.report, Examples: d.examples})
	if err != nil {
		s.note("the tokenised rows are not kept for the next time: %s", plain(err.Error()))
	}
}
