package safetensors

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Write makes the safetensors file path, complete or not at all (see atomicfile), with the bytes that the Python
// package safetensors writes for the same tensors: metadata first, then the tensors in FileOrder.
//
// The order of tensors does not matter; it is not changed. metadata gets "format": "pt", which transformers and PEFT
// ask for, unless it has a "format" of its own. An unknown dtype, Data whose length is not what DType and Shape ask
// for, a name twice or not in UTF-8 is an error before anything is written. Errors of the file system tell the size
// wanted.
func Write(path string, tensors []Tensor, metadata map[string]string) error {
	sources, err := sourcesOf(tensors)
	if err != nil {
		return fmt.Errorf("safetensors: write %s: %w", path, err)
	}
	return WriteStream(path, sources, metadata)
}

// sourcesOf returns the checked tensors in the order of the file.
func sourcesOf(tensors []Tensor) ([]Source, error) {
	sources := make([]Source, len(tensors))
	for i, t := range tensors {
		sources[i] = Source{Name: t.Name, DType: t.DType, Shape: t.Shape, Write: func(w io.Writer) error {
			_, err := w.Write(t.Data)
			return err
		}}
		size, err := sources[i].Bytes()
		if err == nil && uint64(len(t.Data)) != size {
			err = fmt.Errorf("want %d bytes for %s %v, have %d", size, t.DType, t.Shape, len(t.Data))
		}
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
	}
	slices.SortFunc(sources, FileOrder)
	return sources, nil
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
func encodeHeader(sources []Source, sizes []uint64, metadata map[string]string) ([]byte, error) {
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
	offset := uint64(0)
	for i, t := range sources {
		b = append(b, ',')
		b = appendString(b, t.Name)
		b = append(b, `:{"dtype":"`+t.DType+`","shape":[`...)
		for j, d := range t.Shape {
			if j > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(d), 10)
		}
		b = append(b, `],"data_offsets":[`...)
		b = strconv.AppendUint(b, offset, 10)
		offset += sizes[i]
		b = append(b, ',')
		b = strconv.AppendUint(b, offset, 10)
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
