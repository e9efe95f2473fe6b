package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/nlpodyssey/safetensors"
	"github.com/vulora/vulora/qwen2/atomicfile"
)

// Source is a tensor of a file to be written whose data are made when its turn comes.
type Source struct {
	Name  string
	DType string
	Shape []int
	Write func(w io.Writer) error // writes numel(Shape) · size(DType) bytes
}

// FileOrder compares as the Python package safetensors sorts: by dtype, widest first, then by name.
func FileOrder(a, b Source) int {
	if a.DType != b.DType {
		// The library's DType values, like those of the reference, rise with the alignment; unknown ones are 0.
		x, _ := safetensors.ParseDType(a.DType)
		y, _ := safetensors.ParseDType(b.DType)
		return int(y) - int(x)
	}
	return strings.Compare(a.Name, b.Name)
}

// WriteStream is Write of tensors that need not be in memory together. They are asked for their data one after the
// other and stand in the file in the order given; FileOrder makes it Write's. A Source that fails, or writes more or
// less than its shape asks for, is an error, and path is as it was.
func WriteStream(path string, sources []Source, metadata map[string]string) error {
	header, sizes, err := layOutSources(sources, metadata)
	if err != nil {
		return fmt.Errorf("safetensors: write %s: %w", path, err)
	}
	total := uint64(prefixSize + len(header))
	for _, n := range sizes {
		total += n
	}
	err = atomicfile.Write(path, func(w io.Writer) error {
		if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))); err != nil {
			return err
		}
		if _, err := w.Write(header); err != nil {
			return err
		}
		for i, s := range sources {
			c := &counter{w: w}
			if err := s.Write(c); err != nil {
				return fmt.Errorf("tensor %s: %w", s.Name, err)
			}
			if c.n != sizes[i] {
				return fmt.Errorf("tensor %q: want %d bytes for %s %v, have %d", s.Name, sizes[i], s.DType, s.Shape, c.n)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("safetensors: write %s, which needs %d bytes: %w", path, total, err)
	}
	return nil
}

// layOutSources returns the header of a file and the bytes of each tensor.
func layOutSources(sources []Source, metadata map[string]string) (header []byte, sizes []uint64, err error) {
	sizes, seen := make([]uint64, len(sources)), make(map[string]bool, len(sources))
	for i, s := range sources {
		if sizes[i], err = s.Bytes(); err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", s.Name, err)
		}
		if seen[s.Name] {
			return nil, nil, fmt.Errorf("tensor %q: want each name once, have it twice", s.Name)
		}
		seen[s.Name] = true
	}
	header, err = encodeHeader(sources, sizes, metadata)
	return header, sizes, err
}

// Bytes returns the size of s's data, or what a file cannot hold of it.
func (s Source) Bytes() (uint64, error) {
	d, err := safetensors.ParseDType(s.DType)
	if err != nil {
		return 0, fmt.Errorf("dtype %q is not one of the format", s.DType)
	}
	if !readable(s.Name) || s.Name == metadataKey {
		return 0, errors.New("not a name that the format can hold")
	}
	if len(s.Shape) > maxRank {
		return 0, fmt.Errorf("want at most %d dimensions, have %d", maxRank, len(s.Shape))
	}
	dims := make([]uint64, len(s.Shape))
	for i, d := range s.Shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", s.Shape)
		}
		dims[i] = uint64(d)
	}
	_, size, err := byteSize(dims, uint64(d.Size()))
	return size, err
}

// counter counts the bytes of a tensor.
type counter struct {
	w io.Writer
	n uint64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += uint64(n)
	return n, err
}
