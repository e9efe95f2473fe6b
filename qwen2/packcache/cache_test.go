package packcache

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vulora/vulora/qwen2/safetensors"
)

var key = Key{Content: Digest{1, 2, 3}, Form: "nf4 double 1"}

func source(name, dtype string, data []byte, shape ...int) safetensors.Source {
	return safetensors.Source{Name: name, DType: dtype, Shape: shape, Write: func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}}
}

func sources() []safetensors.Source {
	return []safetensors.Source{source("a.codes", "U8", []byte{9, 8, 7, 6}, 2, 2), source("a.scales", "F32",
		[]byte{0, 0, 128, 63}, 1), source("b.codes", "I8", []byte{1, 255}, 1, 2)}
}

// checkpoint writes and opens a file that entries are made of, changed an hour ago.
func checkpoint(t *testing.T, content byte) *safetensors.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.safetensors")
	err := safetensors.Write(path, []safetensors.Tensor{{Name: "w", DType: "U8", Shape: []int{1}, Data: []byte{content}}},
		nil)
	past := time.Now().Add(-time.Hour)
	if err := errors.Join(err, os.Chtimes(path, past, past)); err != nil {
		t.Fatal(err)
	}
	return reopen(t, path)
}

func reopen(t *testing.T, path string) *safetensors.File {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func write(t *testing.T, c Cache, k Key, s []safetensors.Source) {
	t.Helper()
	if err := c.Write(k, nil, s); err != nil {
		t.Fatal(err)
	}
}

func TestRoundTrip(t *testing.T) {
	c := Cache{Dir: filepath.Join(t.TempDir(), "not", "there")}
	if _, err := c.Open(key); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("error %v, want none there", err)
	}
	write(t, c, key, sources())
	for _, k := range []Key{{Content: Digest{1, 2, 4}, Form: key.Form}, {Content: key.Content, Form: "nf4 double 2"}} {
		if _, err := c.Open(k); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v: error %v, want none there", k, err)
		}
	}
	e, err := c.Open(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sources() {
		var want bytes.Buffer
		s.Write(&want)
		have, ok := e.Tensor(s.Name)
		if !ok || have.DType != s.DType || !slices.Equal(have.Shape, s.Shape) || !bytes.Equal(have.Data, want.Bytes()) {
			t.Errorf("have %v %v, want %v %v", have, ok, s, want.Bytes())
		}
	}
	if err := errors.Join(e.Close(), e.Close()); err != nil {
		t.Error(err)
	}
}

// Every file that differs in a byte or a length is found out, whatever the byte means.
func TestDamage(t *testing.T) {
	c := Cache{Dir: t.TempDir()}
	write(t, c, key, sources())
	path := c.path(key)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, content []byte) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		e, err := c.Open(key)
		if err == nil {
			e.Close()
		}
		if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want ErrCorrupt and the path", what, err)
		}
	}
	for i := range whole {
		for _, flip := range []byte{1, 0x80} {
			spoilt := bytes.Clone(whole)
			spoilt[i] ^= flip
			refused(fmt.Sprintf("byte %d %q to %q", i, whole[i], spoilt[i]), spoilt)
		}
	}
	for n := 8; n < len(whole); n++ {
		refused(fmt.Sprintf("%d bytes", n), whole[:n])
	}
	refused("longer", append(bytes.Clone(whole), 0))
	refused("a hole", make([]byte, len(whole)))
	write(t, c, key, sources())
	if have, _ := os.ReadFile(path); !bytes.Equal(have, whole) {
		t.Error("made anew, the entry is another")
	}
}

// A stranger's entry under the name of ours is not taken.
func TestOtherKey(t *testing.T) {
	c, other := Cache{Dir: t.TempDir()}, Key{Form: "fp4 1"}
	write(t, c, other, sources())
	if err := os.Rename(c.path(other), c.path(key)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(key); !errors.Is(err, ErrCorrupt) {
		t.Errorf("error %v, want ErrCorrupt", err)
	}
}

func TestWritersAtOnce(t *testing.T) {
	c := Cache{Dir: t.TempDir()}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := c.Write(key, nil, sources()); err != nil {
				t.Error(err)
			}
			e, err := c.Open(key)
			if err != nil {
				t.Error(err)
				return
			}
			e.Close()
		})
	}
	wg.Wait()
	if found, _ := os.ReadDir(c.Dir); len(found) != 1 {
		t.Errorf("have %v, want one file", found)
	}
}

func TestCannotWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	c := Cache{Dir: filepath.Join(file, "below")}
	if err := c.Write(key, nil, sources()); err == nil {
		t.Error("wrote below a file")
	}
	f := checkpoint(t, 1)
	c.Checkpoint([]*safetensors.File{f}) // must not fail
	c = Cache{Dir: t.TempDir(), Limit: 9}
	if err := c.Write(key, nil, sources()); err == nil || !strings.Contains(err.Error(), "want at most 9 bytes") {
		t.Errorf("error %v, want the limit", err)
	}
	c.Limit = 0
	cause := errors.New("no luck")
	bad := append(sources(), safetensors.Source{Name: "c", DType: "U8", Write: func(io.Writer) error { return cause }})
	if err := c.Write(key, nil, bad); !errors.Is(err, cause) {
		t.Errorf("error %v, want the source's", err)
	}
	if found, _ := os.ReadDir(c.Dir); len(found) != 0 {
		t.Errorf("have %v, want nothing left", found)
	}
}

// What was not used for longest goes first; what is not the cache's stays.
func TestPrune(t *testing.T) {
	c := Cache{Dir: t.TempDir()}
	age := func(path string, hours int) {
		t.Helper()
		then := time.Now().Add(-time.Duration(hours) * time.Hour)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	keys := []Key{{Form: "a"}, {Form: "b"}, {Form: "c"}, {Form: "d"}}
	for i, k := range keys[:3] {
		write(t, c, k, sources())
		age(c.path(k), 9-i)
	}
	info, err := os.Stat(c.path(keys[0]))
	if err != nil {
		t.Fatal(err)
	}
	for name, hours := range map[string]int{"notes.txt": 99, "model.safetensors": 99, "tokenizer.json": 99, ".x.tmp": 2,
		".y.tmp": 0} {
		if err := os.WriteFile(filepath.Join(c.Dir, name), []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
		age(filepath.Join(c.Dir, name), hours)
	}
	e, err := c.Open(keys[0]) // now the youngest
	if err != nil {
		t.Fatal(err)
	}
	e.Close()
	c.Limit = 3 * info.Size()
	write(t, c, keys[3], sources())
	var have []string
	found, _ := os.ReadDir(c.Dir)
	for _, f := range found {
		have = append(have, f.Name()[:2])
	}
	if want := []string{".y", "a-", "c-", "d-", "mo", "no", "to"}; !slices.Equal(have, want) {
		t.Errorf("have %v, want %v", have, want)
	}
}
