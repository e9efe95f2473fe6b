package packcache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/vulora/vulora/qwen2/safetensors"
)

// An Entry is an open entry.
type Entry struct{ file *safetensors.File }

// Tensor returns the tensor name, and whether the entry has it. Its Data may be read until Close.
func (e *Entry) Tensor(name string) (safetensors.Tensor, bool) { return e.file.Tensor(name) }

// Close unmaps the entry. Further calls do nothing.
func (e *Entry) Close() error { return e.file.Close() }

// checksumsName is the last tensor: U32, the CRC-32C of each of the others in the order of the file.
const checksumsName = "checksums"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newSum returns a checksum that has taken in what is said about a tensor: its name, dtype and shape are covered too.
func newSum(name, dtype string, shape []int) hash.Hash32 {
	h := crc32.New(castagnoli)
	fmt.Fprintf(h, "%q %s %v\n", name, dtype, shape)
	return h
}

// withChecksums appends the tensor of checksums, which is known once all others have been written. It fails if the
// files that they were made of are not what they were.
func withChecksums(files []*safetensors.File, sources []safetensors.Source) []safetensors.Source {
	all, sums := slices.Clone(sources), make([]byte, 4*len(sources))
	for i, s := range sources {
		all[i].Write = func(w io.Writer) error {
			h := newSum(s.Name, s.DType, s.Shape)
			err := s.Write(io.MultiWriter(w, h))
			binary.LittleEndian.PutUint32(sums[4*i:], h.Sum32())
			return err
		}
	}
	return append(all, safetensors.Source{Name: checksumsName, DType: "U32", Shape: []int{len(sources)},
		Write: func(w io.Writer) error {
			if err := unchanged(files); err != nil {
				return err
			}
			_, err := w.Write(sums)
			return err
		}})
}

// open maps the file and checks all of it.
func open(path string, k Key) (*Entry, error) {
	f, err := safetensors.Open(path)
	if errors.Is(err, safetensors.ErrCorrupt) {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if err != nil {
		return nil, err
	}
	if have := f.Metadata(); !maps.Equal(have, k.metadata()) {
		err = fmt.Errorf("%w: %s: want the entry %v, have %v", ErrCorrupt, path, k.metadata(), have)
	} else if err = checkSums(f); err != nil {
		err = fmt.Errorf("%w: %s: %w", ErrCorrupt, path, err)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Entry{f}, nil
}

// checkSums reads every tensor, on all processors. It costs no more than the first product with the weights would,
// which has to fetch them as well.
func checkSums(f *safetensors.File) error {
	names := f.Names()
	sums, ok := f.Tensor(checksumsName)
	n := len(names) - 1
	if !ok || names[n] != checksumsName || sums.DType != "U32" || !slices.Equal(sums.Shape, []int{n}) {
		return fmt.Errorf("want a last tensor %s for the others, have %s %v", checksumsName, sums.DType, sums.Shape)
	}
	names = names[:n]
	bad, next := make([]bool, len(names)), atomic.Int64{}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(names); i = int(next.Add(1)) - 1 {
				t, _ := f.Tensor(names[i])
				h := newSum(t.Name, t.DType, t.Shape)
				h.Write(t.Data)
				bad[i] = !bytes.Equal(binary.LittleEndian.AppendUint32(nil, h.Sum32()), sums.Data[4*i:4*i+4])
			}
		})
	}
	wg.Wait()
	if i := slices.Index(bad, true); i >= 0 {
		return fmt.Errorf("tensor %s: the checksum is another", names[i])
	}
	return nil
}
