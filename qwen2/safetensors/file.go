package safetensors

import (
	"fmt"
	"math"
	"os"
	"slices"
)

// Tensor is one named array, row-major, in the little-endian bytes of the file format.
type Tensor struct {
	Name  string
	DType string // as in the header: "F32", "BF16", "F16", "U8", ...
	Shape []int  // empty for a scalar
	Data  []byte // numel(Shape) · size(DType) bytes; read-only when it comes from an opened file
}

// File is an open safetensors file.
type File struct {
	path    string
	info    os.FileInfo
	data    []byte
	unmap   func() error
	tensors []Tensor // in the order of their data
	index   map[string]int
	meta    map[string]string
}

// Open maps the safetensors file path into memory and checks its header.
//
// Nothing but the header is read, so the time does not depend on the size of the tensors. A file that is not what the
// format asks for is an error that wraps ErrCorrupt and says what was wanted and found.
func Open(path string) (*File, error) {
	data, info, unmap, err := openData(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: open: %w", err)
	}
	tensors, meta, err := parse(data)
	if err != nil {
		unmap()
		return nil, fmt.Errorf("safetensors: open %s: %w", path, err)
	}
	f := &File{path: path, info: info, data: data, unmap: unmap, tensors: tensors, meta: meta,
		index: make(map[string]int, len(tensors))}
	for i, t := range tensors {
		f.index[t.Name] = i
	}
	return f, nil
}

// openData returns the content of the regular file path, its state when it was opened, and what releases it.
func openData(path string) ([]byte, os.FileInfo, func() error, error) {
	info, err := os.Stat(path) // Before opening: to open a pipe would wait for its writer.
	if err != nil {
		return nil, nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, nil, fmt.Errorf("%s: want a regular file, have %v", path, info.Mode().Type())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, nil, nil, err
	}
	if size := info.Size(); size < prefixSize {
		return nil, nil, nil, fmt.Errorf("%s: %w: want at least %d bytes, have %d", path, ErrCorrupt, prefixSize, size)
	} else if size > math.MaxInt {
		return nil, nil, nil, fmt.Errorf("%s: %d bytes do not fit this machine's address space", path, size)
	}
	data, unmap, err := mapFile(f, int(info.Size()))
	if err != nil {
		return nil, nil, nil, fmt.Errorf("%s: map %d bytes: %w", path, info.Size(), err)
	}
	return data, info, unmap, nil
}

// Tensor returns the tensor name, and whether the file has it. After Close it has none.
func (f *File) Tensor(name string) (Tensor, bool) {
	i, ok := f.index[name]
	if !ok {
		return Tensor{}, false
	}
	return f.tensors[i], true
}

// Names returns the tensors' names in the order of their data in the file.
func (f *File) Names() []string {
	names := make([]string, len(f.tensors))
	for i, t := range f.tensors {
		names[i] = t.Name
	}
	return names
}

// Path returns the name that Open was given.
func (f *File) Path() string { return f.path }

// Info returns the state of the file when it was opened.
func (f *File) Info() os.FileInfo { return f.info }

// Contents returns the whole file as it is mapped, nil after Close; for its lifetime see Tensor.Data.
func (f *File) Contents() []byte { return f.data }

// Metadata returns the free text of the header, nil when there is none. PEFT and transformers ask for "format": "pt".
func (f *File) Metadata() map[string]string { return f.meta }

// Close unmaps the file; Data of its tensors must not be used afterwards. Further calls do nothing.
func (f *File) Close() error {
	if f.unmap == nil {
		return nil
	}
	unmap := f.unmap
	f.unmap, f.data, f.tensors, f.index = nil, nil, nil, nil
	if err := unmap(); err != nil {
		return fmt.Errorf("safetensors: close %s: %w", f.path, err)
	}
	return nil
}

// sortedNames returns the names in lexicographic order.
func (f *File) sortedNames() []string {
	names := f.Names()
	slices.Sort(names)
	return names
}
