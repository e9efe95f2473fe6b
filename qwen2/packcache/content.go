package packcache

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vulora/vulora/qwen2/safetensors"
)

// Digest is a SHA-256.
type Digest [sha256.Size]byte

// chunkSize is what is hashed in one piece, in bytes.
const chunkSize = 16 << 20

// Checkpoint returns a digest of the contents of a checkpoint's files, in their order; their names do not matter.
//
// A file is hashed in chunks of 16 MiB on all processors: its digest is the SHA-256 of its size and of the chunks'.
// What was hashed is what is mapped, whatever has come to the path since. The cache remembers a file's digest with its
// path, size, time of change, device and inode, so that the next time it is not read.
func (c Cache) Checkpoint(files []*safetensors.File) Digest {
	all := sha256.New()
	for _, f := range files {
		seen := sightOf(f)
		d, ok := c.recall(seen)
		if !ok {
			begun := time.Now()
			d = digest(f.Contents(), safetensors.Release)
			c.remember(seen, d, begun)
		}
		all.Write(d[:])
	}
	return Digest(all.Sum(nil))
}

// unchanged tells which of the files is not what it was when it was opened: mapped data change with a file that is
// written to in place.
func unchanged(files []*safetensors.File) error {
	for _, f := range files {
		now, err := os.Stat(f.Path())
		if err != nil {
			return err
		}
		if then := f.Info(); !os.SameFile(now, then) || now.Size() != then.Size() || !now.ModTime().Equal(then.ModTime()) {
			return fmt.Errorf("%s: changed while it was read", f.Path())
		}
	}
	return nil
}

// digest hashes a file and calls done with what it has read.
func digest(data []byte, done func([]byte)) Digest {
	chunks := make([]Digest, (len(data)+chunkSize-1)/chunkSize)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(chunks)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(chunks); i = int(next.Add(1)) - 1 {
				chunk := data[i*chunkSize : min((i+1)*chunkSize, len(data))]
				chunks[i] = sha256.Sum256(chunk)
				done(chunk)
			}
		})
	}
	wg.Wait()
	all := sha256.New()
	all.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(data))))
	for _, d := range chunks {
		all.Write(d[:])
	}
	return Digest(all.Sum(nil))
}
