package safetensors

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestGoldenRewrite reads every safetensors file that Python wrote and writes it again, from shuffled tensors: the
// bytes must be the same. It walks this package's files (all dtypes, scalars, empty tensors, names to be escaped),
// those of the checkpoints and, when set, all of $VULORA_GOLDENS.
func TestGoldenRewrite(t *testing.T) {
	roots := []string{"testdata", "../testdata"}
	if dir := os.Getenv("VULORA_GOLDENS"); dir != "" {
		roots = append(roots, dir)
	}
	out := filepath.Join(t.TempDir(), "out")
	for _, root := range roots {
		files := 0
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".safetensors" {
				return err
			}
			files++
			rewrite(t, path, out)
			return nil
		})
		if err != nil || files == 0 {
			t.Errorf("%s: %d files, %v", root, files, err)
		}
	}
}

func rewrite(t *testing.T, path, out string) {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	var tensors []Tensor
	for _, name := range f.Names() {
		x, _ := f.Tensor(name)
		tensors = append(tensors, x)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	rng.Shuffle(len(tensors), func(i, j int) { tensors[i], tensors[j] = tensors[j], tensors[i] })
	if err := Write(out, tensors, f.Metadata()); err != nil {
		t.Error(err)
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(out); !bytes.Equal(got, want) {
		i := 0
		for i < min(len(got), len(want)) && got[i] == want[i] {
			i++
		}
		t.Errorf("%s: %d bytes written, want %d; the first other one is at %d: %.60q, want %.60q", path, len(got), len(want),
			i, got[i:], want[i:])
	}
}

func TestWriteMetadata(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	for want, meta := range map[string]map[string]string{
		`{"__metadata__":{"format":"pt"}}`:              nil,
		`{"__metadata__":{"format":"mlx"}}`:             {"format": "mlx"},
		`{"__metadata__":{"a":"\"\\","format":"pt"}}`:   {"a": `"\`},
		`{"__metadata__":{"a<":"é\u0001","format":"pt"`: {"a<": "é\x01"},
	} {
		if err := Write(path, nil, meta); err != nil {
			t.Error(err)
		}
		b, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(b[8:]), want) || len(b)%8 != 0 {
			t.Errorf("metadata %v gives %q, want %s padded to 8 bytes", meta, b, want)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	ok := Tensor{Name: "a", DType: "F32", Shape: []int{1}, Data: make([]byte, 4)}
	with := func(change func(*Tensor)) []Tensor { x := ok; change(&x); return []Tensor{x} }
	for want, tensors := range map[string][]Tensor{
		`"F8" is not one of`:         with(func(x *Tensor) { x.DType = "F8" }),
		"want 8 bytes for F32 [2]":   with(func(x *Tensor) { x.Shape = []int{2} }),
		"want 4 bytes for F32 [1]":   with(func(x *Tensor) { x.Data = x.Data[:3] }),
		"negative":                   with(func(x *Tensor) { x.Shape = []int{-1, -1} }),
		"too large":                  with(func(x *Tensor) { x.Shape = []int{1 << 30, 1 << 30, 1 << 30, 0} }),
		`"\xff": not a name`:         with(func(x *Tensor) { x.Name = "\xff" }),
		`"__metadata__": not a name`: with(func(x *Tensor) { x.Name = "__metadata__" }),
		"have it twice": {ok, {Name: "b", DType: "U8", Data: []byte{1}},
			{Name: "a", DType: "U8", Data: []byte{1}}},
	} {
		err := Write(path, tensors, nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v, want the path and %q", err, want)
		}
	}
	if err := Write(path, nil, map[string]string{"a": "\xff"}); err == nil {
		t.Error("metadata that is not UTF-8 was written")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestWriteKeepsTensorsOrder(t *testing.T) {
	tensors := []Tensor{{Name: "b", DType: "U8", Shape: []int{0}}, {Name: "a", DType: "U8", Shape: []int{0}}}
	if err := Write(filepath.Join(t.TempDir(), "a"), tensors, nil); err != nil || tensors[0].Name != "b" {
		t.Errorf("the caller's tensors are now %v, %v", tensors, err)
	}
}

func TestWriteReplacesOpenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	one := []Tensor{{Name: "x", DType: "U8", Shape: []int{2}, Data: []byte{1, 2}}}
	if err := Write(path, one, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x, _ := f.Tensor("x")
	if err := Write(path, []Tensor{{Name: "y", DType: "U8", Data: []byte{9}}, x}, nil); err != nil {
		t.Fatal(err)
	}
	if x.Data[0] != 1 || x.Data[1] != 2 {
		t.Errorf("the open file's data became %v", x.Data)
	}
	g, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if y, ok := g.Tensor("y"); !ok || y.Data[0] != 9 || len(y.Shape) != 0 {
		t.Errorf("the new file's scalar is %v", y)
	}
}

func TestWriteMissingFolder(t *testing.T) {
	err := Write(filepath.Join(t.TempDir(), "none", "a"), nil, nil)
	if !errors.Is(err, syscall.ENOENT) || !strings.Contains(err.Error(), "needs 40 bytes") {
		t.Errorf("error %v, want ENOENT and the 40 bytes needed", err)
	}
}

// A stream gives the bytes of Write, and keeps its own order where it has one.
func TestWriteStream(t *testing.T) {
	dir := t.TempDir()
	tensors := []Tensor{{Name: "b", DType: "U8", Shape: []int{3}, Data: []byte{1, 2, 3}},
		{Name: "a", DType: "F32", Shape: []int{1}, Data: []byte{0, 0, 128, 63}}}
	var order []string
	sources := make([]Source, len(tensors))
	for i, x := range tensors {
		sources[i] = Source{Name: x.Name, DType: x.DType, Shape: x.Shape, Write: func(w io.Writer) error {
			order = append(order, x.Name)
			for _, c := range x.Data {
				if _, err := w.Write([]byte{c}); err != nil {
					return err
				}
			}
			return nil
		}}
	}
	given, sorted, want := filepath.Join(dir, "given"), filepath.Join(dir, "sorted"), filepath.Join(dir, "want")
	if err := WriteStream(given, sources, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Open(given)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if have := f.Names(); !slices.Equal(have, []string{"b", "a"}) || !slices.Equal(order, have) {
		t.Errorf("have %v, written in the order %v, want b, a", have, order)
	}
	slices.SortFunc(sources, FileOrder)
	if err := errors.Join(WriteStream(sorted, sources, nil), Write(want, tensors, nil)); err != nil {
		t.Fatal(err)
	}
	a, _ := os.ReadFile(sorted)
	if b, _ := os.ReadFile(want); !bytes.Equal(a, b) {
		t.Errorf("have %q, want %q", a, b)
	}
}

// A source that fails or miscounts leaves what was there.
func TestWriteStreamFailure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("no luck")
	for want, write := range map[string]func(io.Writer) error{
		"no luck":                          func(io.Writer) error { return cause },
		"want 4 bytes for U8 [4], have 3":  func(w io.Writer) error { _, err := w.Write(make([]byte, 3)); return err },
		"want 4 bytes for U8 [4], have 5":  func(w io.Writer) error { _, err := w.Write(make([]byte, 5)); return err },
		"tensor x: no luck":                func(io.Writer) error { return cause },
		"f, which needs 100 bytes: atomic": func(io.Writer) error { return cause },
	} {
		err := WriteStream(path, []Source{{Name: "x", DType: "U8", Shape: []int{4}, Write: write}}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Errorf("have %q, want the old file", b)
	}
}
