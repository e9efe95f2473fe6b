package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"sort"

	"github.com/nlpodyssey/safetensors"
	"github.com/vulora/vulora/qwen2/strictjson"
)

const (
	prefixSize  = 8 // the header's length, uint64 little-endian
	headerDepth = 3 // header {tensor {shape [ ] } }
	metadataKey = "__metadata__"

	// maxHeaderSize bounds what a file can make us allocate: decoding takes some fifty times the header. The reference
	// allows 100 MB; this is room for 100,000 tensors in a file, where a large shard has a thousand.
	maxHeaderSize = 16 << 20
	maxRank       = 64 // dimensions, numpy's limit
)

// ErrCorrupt is wrapped by errors about a file that is not a valid safetensors file.
var ErrCorrupt = errors.New("not a valid safetensors file")

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrCorrupt, fmt.Errorf(format, args...))
}

// parse checks a whole file and returns its tensors, whose Data alias file, in the order of their data.
//
// The library decodes the header. What it lets pass is checked here: repeated keys, ill-encoded names, white space
// before the header, null, shapes whose product wraps around behind a zero; and here the errors name file positions.
func parse(file []byte) ([]Tensor, map[string]string, error) {
	header, err := headerOf(file)
	if err != nil {
		return nil, nil, err
	}
	if n := longestArray(header); n > maxRank {
		return nil, nil, corrupt("header: want arrays of at most %d values, have one of %d", maxRank, n)
	}
	if err := strictjson.Check(header, headerDepth); err != nil {
		return nil, nil, corrupt("header: %w", err)
	}
	var m safetensors.Metadata
	if err := json.Unmarshal(header, &m); err != nil {
		return nil, nil, corrupt("header: %w", err)
	}
	data := file[prefixSize+len(header):]
	tensors, err := layOut(m.Tensors(), data, prefixSize+len(header))
	if err != nil {
		return nil, nil, err
	}
	return tensors, m.Metadata(), nil
}

// headerOf returns the JSON text between the length prefix and the data.
func headerOf(file []byte) ([]byte, error) {
	if bytes.HasPrefix(file, []byte("version https://git-lfs")) {
		return nil, corrupt("this is a git-lfs pointer; fetch the file itself with \"git lfs pull\"")
	}
	if len(file) < prefixSize {
		return nil, corrupt("want at least %d bytes, have %d", prefixSize, len(file))
	}
	n := binary.LittleEndian.Uint64(file)
	if n > maxHeaderSize {
		return nil, corrupt("header length: want at most %d bytes, have %d", maxHeaderSize, n)
	}
	if have := uint64(len(file) - prefixSize); n > have {
		return nil, corrupt("truncated: want at least %d bytes for the header, have %d", n+prefixSize, len(file))
	}
	header := file[prefixSize : prefixSize+n]
	if n == 0 || header[0] != '{' {
		return nil, corrupt("header: want it to begin with '{', have %q", header[:min(n, 8)])
	}
	return header, nil
}

// longestArray returns the most values of an array in JSON text, those of arrays in it included, without the memory
// that decoding takes.
func longestArray(text []byte) int {
	longest, n, depth := 0, 0, 0
	inString := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[':
			depth, n = depth+1, max(n, 1)
		case c == ',' && depth > 0:
			n++
		case c == ']' && depth > 0:
			if depth--; depth == 0 {
				longest, n = max(longest, n), 0
			}
		}
	}
	return max(longest, n)
}

// layOut checks that the tensors fill data exactly, without gap or overlap, and each as its shape and dtype ask.
func layOut(infos map[string]*safetensors.TensorInfo, data []byte, dataStart int) ([]Tensor, error) {
	names := make([]string, 0, len(infos))
	for name := range infos {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := infos[names[i]].DataOffsets, infos[names[j]].DataOffsets
		if a != b {
			return a[0] < b[0] || a[0] == b[0] && a[1] < b[1]
		}
		return names[i] < names[j] // Tensors without elements share offsets.
	})

	tensors := make([]Tensor, len(names))
	end := uint64(0)
	for i, name := range names {
		info := infos[name]
		shape, size, err := byteSize(info.Shape, info.DType.Size())
		if err != nil {
			return nil, corrupt("tensor %q: %w", name, err)
		}
		from, to := info.DataOffsets[0], info.DataOffsets[1]
		if from != end {
			return nil, corrupt("tensor %q: data_offsets [%d %d]: want the data to begin at %d, where %s ends", name, from, to,
				end, previous(names, i))
		}
		if to < from || to-from != size {
			return nil, corrupt("tensor %q: data_offsets [%d %d]: want %d bytes for %v %v", name, from, to, size,
				info.DType, info.Shape)
		}
		end = to
		tensors[i] = Tensor{Name: name, DType: info.DType.String(), Shape: shape}
		if to <= uint64(len(data)) {
			tensors[i].Data = data[from:to:to]
		}
	}
	switch have := uint64(len(data)); {
	case end > have:
		return nil, corrupt("truncated: want %d bytes, have %d", end+uint64(dataStart), dataStart+len(data))
	case end < have:
		return nil, corrupt("want %d bytes, have %d: %d after the last tensor", end+uint64(dataStart), dataStart+len(data),
			have-end)
	}
	return tensors, nil
}

func previous(names []string, i int) string {
	if i == 0 {
		return "the header"
	}
	return fmt.Sprintf("tensor %q", names[i-1])
}

// byteSize returns the shape as ints and the bytes it takes. A shape whose other dimensions overflow is refused even
// when one of them is zero, so that no product of dimensions can overflow later.
func byteSize(dims []uint64, elem uint64) ([]int, uint64, error) {
	shape := make([]int, len(dims))
	product, empty := elem, false
	for i, d := range dims {
		if d == 0 {
			empty = true
			continue
		}
		hi, lo := bits.Mul64(product, d)
		if hi != 0 || lo > math.MaxInt {
			return nil, 0, fmt.Errorf("shape %v is too large", dims)
		}
		product, shape[i] = lo, int(d)
	}
	if empty {
		product = 0
	}
	return shape, product, nil
}
