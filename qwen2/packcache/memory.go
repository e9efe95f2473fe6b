package packcache

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/vulora/vulora/qwen2/atomicfile"
	"github.com/vulora/vulora/qwen2/safetensors"
)

// A sight is a file as it was seen in a folder, without its contents.
type sight struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`  // bytes
	Time   int64  `json:"mtime"` // nanoseconds since 1970
	Status int64  `json:"ctime"` // the same, of the last change that programs cannot date back; 0 where it is not known
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"` // 0 where the system has none
}

func sightOf(f *safetensors.File) sight {
	path, info := f.Path(), f.Info()
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	s := sight{Path: path, Size: info.Size(), Time: info.ModTime().UnixNano()}
	s.Device, s.Inode, s.Status = inode(info)
	return s
}

// A memo is the file that keeps a digest.
type memo struct {
	Sight  sight  `json:"file"`
	Digest string `json:"sha256"` // of the chunks
}

const (
	memoFolder = "digests"
	memoLimit  = 64 << 10 // bytes; a path has at most a few thousand
	// settled is the age from which on a file that changes again gets another time: coarse clocks tick in 2 seconds.
	settled = 2 * time.Second
)

func (c Cache) memoPath(s sight) string {
	id := sha256.Sum256([]byte(s.Path))
	return filepath.Join(c.Dir, memoFolder, hex.EncodeToString(id[:16])+".json")
}

// recall returns the digest of a file that looks as it did then. A memo that cannot be read is none.
func (c Cache) recall(s sight) (d Digest, ok bool) {
	f, err := os.Open(c.memoPath(s))
	if err != nil {
		return d, false
	}
	defer f.Close()
	var m memo
	if err := json.NewDecoder(io.LimitReader(f, memoLimit)).Decode(&m); err != nil || m.Sight != s {
		return d, false
	}
	b, err := hex.DecodeString(m.Digest)
	return d, err == nil && copy(d[:], b) == len(d) && len(b) == len(d)
}

// remember writes a memo, unless the file was so young when hashing began that it could still change unseen. A failure
// is no matter: the file is hashed again.
func (c Cache) remember(s sight, d Digest, begun time.Time) {
	if begun.Sub(time.Unix(0, s.Time)) < settled {
		return
	}
	text, err := json.Marshal(memo{s, hex.EncodeToString(d[:])})
	if err != nil || os.MkdirAll(filepath.Join(c.Dir, memoFolder), 0o700) != nil {
		return
	}
	_ = atomicfile.Write(c.memoPath(s), func(w io.Writer) error { _, err := w.Write(append(text, '\n')); return err })
}
