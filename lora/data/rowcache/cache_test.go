package rowcache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/vulora/vulora/lora/data"
)

func someRows(n int) *Rows {
	r := &Rows{Files: []data.File{{Name: "a.json", Format: data.Alpaca, Rows: n, Used: []string{"x"}}, {Name: "b.csv"}},
		Report: data.Report{Examples: n, Truncated: 2}}
	for i := range n {
		e := data.Example{File: i % 2, Line: 3 * i, IDs: []int32{}, Labels: []int32{}}
		for t := range i % 20 {
			id := int32(t * t * t * t * 997)
			label := id
			if t%3 == 0 {
				label = data.Ignore
			}
			e.IDs, e.Labels = append(e.IDs, id), append(e.Labels, label)
		}
		r.Examples = append(r.Examples, e)
	}
	return r
}

func TestRoundTrip(t *testing.T) {
	c := Cache{Dir: filepath.Join(t.TempDir(), "rows")}
	k := Key{1, 2, 3}
	if _, err := c.Read(k); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no entry: %v", err)
	}
	for _, n := range []int{0, 1, 5000} {
		want := someRows(n)
		if err := c.Write(k, want); err != nil {
			t.Fatal(err)
		}
		have, err := c.Read(k)
		if err != nil || !reflect.DeepEqual(have, want) {
			t.Errorf("%d rows: not what was written: %v", n, err)
		}
	}
	if info, err := os.Stat(c.Dir); err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		t.Errorf("want a folder that only its owner can read, have %v, %v", info, err)
	}
	bad := someRows(9)
	bad.Examples[8].Labels[1] = 7
	if err := c.Write(k, bad); err == nil {
		t.Error("a label that is neither its id nor ignored was taken")
	}
	if have, err := c.Read(k); err != nil || len(have.Examples) != 5000 {
		t.Errorf("a failed write left %v", err)
	}
}

// Any byte that is changed, and any length that is missing, is found.
func TestDamage(t *testing.T) {
	k := Key{9}
	var b bytes.Buffer
	if err := encode(&b, k, someRows(30)); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	for i := range whole {
		for _, x := range []byte{1, 0x80, 0xff} {
			damaged := bytes.Clone(whole)
			damaged[i] ^= x
			if _, err := decode(bytes.NewReader(damaged), int64(len(damaged)), k); err == nil {
				t.Fatalf("byte %d of %d changed by %#x: taken", i, len(whole), x)
			}
		}
		if _, err := decode(bytes.NewReader(whole[:i]), int64(i), k); err == nil {
			t.Fatalf("cut to %d of %d bytes: taken", i, len(whole))
		}
	}
	if _, err := decode(bytes.NewReader(whole), int64(len(whole)), Key{8}); err == nil {
		t.Error("the entry of another key was taken")
	}
	other := bytes.Clone(whole) // another version's, and whole
	other[len(magic)-2]++
	binary.LittleEndian.PutUint32(other[len(other)-4:], crc32.Checksum(other[:len(other)-4], castagnoli))
	if _, err := decode(bytes.NewReader(other), int64(len(other)), k); err == nil {
		t.Error("the entry of another version was taken")
	}
	c := Cache{Dir: t.TempDir()}
	if err := os.WriteFile(c.path(k), whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(k); !errors.Is(err, ErrCorrupt) {
		t.Errorf("half an entry: %v", err)
	}
}

func TestKey(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a, same, b := write("a.json", "1"), write("same.json", "1"), write("b.json", "2")
	key := func(names []string, settings ...string) Key {
		k, err := NewKey(names, settings...)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	one := key([]string{a}, "x", "y")
	if key([]string{same}, "x", "y") != one {
		t.Error("a file of another name with the same contents has another key")
	}
	if key([]string{write("OTHER.JSON", "1")}, "x", "y") != one {
		t.Error("an ending in capitals has another key")
	}
	for i, k := range []Key{key([]string{b}, "x", "y"), key([]string{a}, "x"), key([]string{a}, "xy"),
		key([]string{a, a}, "x", "y"), key([]string{write("a.jsonl", "1")}, "x", "y"), key([]string{a}, "x", "y", "")} {
		if k == one {
			t.Errorf("other contents or settings, %d, have the same key", i)
		}
	}
	if key([]string{a, b}) == key([]string{b, a}) {
		t.Error("files in another order have the same key")
	}
	if _, err := NewKey([]string{filepath.Join(dir, "none")}); err == nil {
		t.Error("a file that is not there has a key")
	}
}

func TestPrune(t *testing.T) {
	c := Cache{Dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(c.Dir, "mine.txt"), make([]byte, 9999), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range byte(4) {
		if err := c.Write(Key{i}, someRows(100)); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(time.Duration(int(i)-10) * time.Minute)
		if err := os.Chtimes(c.path(Key{i}), then, then); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Read(Key{0}); err != nil { // which is now used last
		t.Fatal(err)
	}
	info, err := os.Stat(c.path(Key{0}))
	if err != nil {
		t.Fatal(err)
	}
	c.Limit = 3 * info.Size()
	if err := c.Write(Key{4}, someRows(100)); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, false, true, true} {
		if _, err := os.Stat(c.path(Key{byte(i)})); (err == nil) != want {
			t.Errorf("entry %d: want it kept: %v, have %v", i, want, err)
		}
	}
	if _, err := os.Stat(filepath.Join(c.Dir, "mine.txt")); err != nil {
		t.Error("another's file was removed")
	}
	c.Limit = 1
	if err := c.Write(Key{5}, someRows(100)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(Key{5}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an entry beyond the limit alone: %v", err)
	}
}

// Beside entries the folder may hold what others made, and what a killed process has left: only that is removed, once
// it is old. Within the limit nothing else is.
func TestPruneLeaves(t *testing.T) {
	c := Cache{Dir: t.TempDir()}
	if err := c.Write(Key{1}, someRows(100)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(c.path(Key{1}))
	if err != nil {
		t.Fatal(err)
	}
	then := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{".old.tmp", "old.tmp", "old", "other.rows"} {
		path := filepath.Join(c.Dir, name)
		if err := os.WriteFile(path, make([]byte, 1<<16), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(c.Dir, ".new.tmp"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Limit = 2 * info.Size()
	if err := c.Write(Key{2}, someRows(100)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{".old.tmp": false, "old.tmp": true, "old": true, "other.rows": true,
		".new.tmp": true, filepath.Base(c.path(Key{1})): true, filepath.Base(c.path(Key{2})): true} {
		if _, err := os.Stat(filepath.Join(c.Dir, name)); (err == nil) != want {
			t.Errorf("%s: want it kept: %v, have %v", name, want, err)
		}
	}
}

// An entry just written is removed last, even where a clock that was set back makes it the oldest; it goes if it alone
// is beyond the limit.
func TestPruneOwn(t *testing.T) {
	c := Cache{Dir: t.TempDir()}
	later := time.Now().Add(time.Hour)
	for i := range byte(3) {
		if err := c.Write(Key{i}, someRows(100)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(c.path(Key{i}), later, later); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(c.path(Key{0}))
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int64{info.Size(), info.Size() - 1} {
		c.Limit = limit
		if err := c.Write(Key{9}, someRows(100)); err != nil {
			t.Fatal(err)
		}
		found, err := filepath.Glob(filepath.Join(c.Dir, "*"))
		if err != nil || len(found) != int(limit/info.Size()) || len(found) == 1 && found[0] != c.path(Key{9}) {
			t.Errorf("within %d bytes, of entries of %d: have %v, %v", limit, info.Size(), found, err)
		}
	}
}
