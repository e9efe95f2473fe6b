package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nlpodyssey/safetensors"
	"github.com/vulora/vulora/qwen2/atomicfile"
)

// Write makes the safetensors file path, complete or not at all (see atomicfile), with the bytes that the Python
// package safetensors writes for the same tensors: metadata first, then the tensors by dtype, widest first, then name.
//
// The order of tensors does not matter; it is not changed. metadata gets "format": "pt", which transformers and PEFT
// ask for, unless it has a "format" of its own. An unknown dtype, Data whose length is not what DType and Shape ask
// for, a name twice or not in UTF-8 is an error before anything is written. Errors of the file system tell the size
// wanted.
func Write(path string, tensors []Tensor, metadata map[string]string) error {
	sorted, err := sortForFile(tensors)
	if err != nil {
		return fmt.Errorf("safetensors: write %s: %w", path, err)
	}
	header, err := encodeHeader(sorted, metadata)
	if err != nil {
		return fmt.Errorf("safetensors: write %s: %w", path, err)
	}
	total := uint64(prefixSize + len(header))
	for _, t := range sorted {
		total += uint64(len(t.Data))
	}
	err = atomicfile.Write(path, func(w io.Writer) error {
		if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))); err != nil {
			return err
		}
		if _, err := w.Write(header); err != nil {
			return err
		}
		for _, t := range sorted {
			if _, err := w.Write(t.Data); err != nil {
				return fmt.Errorf("tensor %s: %w", t.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("safetensors: write %s, which needs %d bytes: %w", path, total, err)
	}
	return nil
}

// sortForFile returns the checked tensors in the order of the file.
func sortForFile(tensors []Tensor) ([]Tensor, error) {
	rank := map[string]safetensors.DType{}
	for _, t := range tensors {
		d, err := safetensors.ParseDType(t.DType)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: dtype %q is not one of the format", t.Name, t.DType)
		}
		if err := checkTensor(t, int(d.Size())); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		rank[t.DType] = d
	}
	sorted := slices.Clone(tensors)
	// The library's DType values, like those of the reference, rise with the alignment.
	slices.SortFunc(sorted, func(a, b Tensor) int {
		if a.DType != b.DType {
			return int(rank[b.DType]) - int(rank[a.DType])
		}
		return strings.Compare(a.Name, b.Name)
	})
	seen := make(map[string]bool, len(sorted))
	for _, t := range sorted {
		if seen[t.Name] {
			return nil, fmt.Errorf("tensor %q: want each name once, have it twice", t.Name)
		}
		seen[t.Name] = true
	}
	return sorted, nil
}

func checkTensor(t Tensor, elem int) error {
	if !readable(t.Name) || t.Name == metadataKey {
		return errors.New("not a name that the format can hold")
	}
	if len(t.Shape) > maxRank {
		return fmt.Errorf("want at most %d dimensions, have %d", maxRank, len(t.Shape))
	}
	n, err := numel(t.Shape)
	if err != nil {
		return err
	}
	if len(t.Data)%elem != 0 || len(t.Data)/elem != n {
		return fmt.Errorf("want %d·%d bytes for %s %v, have %d", n, elem, t.DType, t.Shape, len(t.Data))
	}
	return nil
}

// readable tells whether s survives a reader that checks Unicode; U+FFFD stands for what did not.
func readable(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError {
			return false
		}
	}
	return true
}

// encodeHeader returns the JSON header, padded so that the data begin at a multiple of 8 bytes.
//
// Written by hand because the library sorts keys by name instead of position, escapes <, > and &, and refuses scalars;
// all three change bytes.
func encodeHeader(sorted []Tensor, metadata map[string]string) ([]byte, error) {
	meta := map[string]string{"format": "pt"}
	maps.Copy(meta, metadata)
	b := []byte(`{"` + metadataKey + `":{`)
	for i, k := range slices.Sorted(maps.Keys(meta)) {
		if !readable(k) || !readable(meta[k]) {
			return nil, fmt.Errorf("metadata %q: %q is not valid Unicode", k, meta[k])
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, k)
		b = append(b, ':')
		b = appendString(b, meta[k])
	}
	b = append(b, '}')
	offset := 0
	for _, t := range sorted {
		b = append(b, ',')
		b = appendString(b, t.Name)
		b = append(b, `:{"dtype":"`+t.DType+`","shape":[`...)
		for i, d := range t.Shape {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(d), 10)
		}
		b = append(b, `],"data_offsets":[`...)
		b = strconv.AppendInt(b, int64(offset), 10)
		offset += len(t.Data)
		b = append(b, ',')
		b = strconv.AppendInt(b, int64(offset), 10)
		b = append(b, `]}`...)
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	if len(b) > maxHeaderSize {
		return nil, fmt.Errorf("header: want at most %d bytes, have %d", maxHeaderSize, len(b))
	}
	return b, nil
}

// appendString quotes s as Rust's serde_json does: only quotes, backslashes and control characters are escaped.
// encoding/json escapes U+2028 and U+2029 besides.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	short := map[byte]byte{'"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}
	b = append(b, '"')
	for i := range len(s) {
		c := s[i]
		switch e, ok := short[c]; {
		case ok:
			b = append(b, '\\', e)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
