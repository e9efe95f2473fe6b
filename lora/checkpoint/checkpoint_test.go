package checkpoint

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// files returns a function that fills a folder.
func files(names ...string) func(string) error {
	return func(dir string) error {
		for _, name := range names {
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte("content of "+name), 0o666); err != nil {
				return err
			}
		}
		return nil
	}
}

func write(t *testing.T, parent string, step int) string {
	t.Helper()
	dir, err := Write(parent, step, 100, false, files("a", "sub/b"))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func newest(t *testing.T, parent string) int {
	t.Helper()
	f, _, err := Newest(parent)
	if err != nil {
		t.Fatal(err)
	}
	if f == nil {
		return 0
	}
	return f.Step
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestNewestIsComplete(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "new")
	if have := newest(t, parent); have != 0 {
		t.Errorf("an absent folder: have checkpoint %d", have)
	}
	for _, step := range []int{9, 10, 100} {
		write(t, parent, step)
	}
	others := files("checkpoint-200/a", "checkpoint-x/a", "checkpoint-010/a", ".checkpoint-300.x.tmp/a")
	if err := others(parent); err != nil {
		t.Fatal(err)
	}
	if have := newest(t, parent); have != 100 {
		t.Errorf("want checkpoint 100, have %d", have)
	}
	// Any change of any file makes it not count.
	for _, damage := range []func(dir string) error{
		func(dir string) error { return os.WriteFile(filepath.Join(dir, "a"), []byte("Content of a"), 0o666) },
		func(dir string) error { return os.Truncate(filepath.Join(dir, "sub", "b"), 3) },
		func(dir string) error { return os.Remove(filepath.Join(dir, "sub", "b")) },
		func(dir string) error { return os.Truncate(filepath.Join(dir, sealName), 20) },
		func(dir string) error { return os.Remove(filepath.Join(dir, sealName)) },
		func(dir string) error {
			return os.WriteFile(filepath.Join(dir, sealName), []byte(`{"format":1,"files":{"../a":{}}}`), 0o666)
		},
	} {
		dir := write(t, parent, 500)
		if have := newest(t, parent); have != 500 {
			t.Fatalf("want checkpoint 500, have %d", have)
		}
		if err := damage(dir); err != nil {
			t.Fatal(err)
		}
		if have := newest(t, parent); have != 100 {
			t.Errorf("damaged: want checkpoint 100, have %d: %s", have, names(t, dir))
		}
	} // and is made anew by the next Write
	if write(t, parent, 500); newest(t, parent) != 500 {
		t.Error("a damaged checkpoint was not made anew")
	}
	if err := Clean(parent); err != nil {
		t.Fatal(err)
	}
	if have := names(t, parent); strings.Contains(have, ".tmp") {
		t.Errorf("not cleaned: %s", have)
	}
}

func TestRotate(t *testing.T) {
	for _, c := range []struct {
		limit      int
		keep, want string // keep: names with spaces between them
	}{
		{0, "", "checkpoint-1 checkpoint-2 checkpoint-3 checkpoint-4"},
		{2, "", "checkpoint-3 checkpoint-4"},
		{1, "", "checkpoint-4"},
		{2, "checkpoint-1", "checkpoint-1 checkpoint-4"},
		{1, "checkpoint-1", "checkpoint-1 checkpoint-4"}, // the newest stays, to go on from
		{3, "checkpoint-4", "checkpoint-2 checkpoint-3 checkpoint-4"},
		{2, "checkpoint-2 checkpoint-4", "checkpoint-2 checkpoint-4"},
		{1, "checkpoint-1 checkpoint-4", "checkpoint-1 checkpoint-4"},
		{3, "checkpoint-1 checkpoint-4", "checkpoint-1 checkpoint-3 checkpoint-4"},
		{2, "checkpoint-9 checkpoint-4", "checkpoint-3 checkpoint-4"},
	} {
		parent := t.TempDir()
		for step := range 4 {
			write(t, parent, step+1)
		}
		var keep []string
		for _, name := range strings.Fields(c.keep) {
			keep = append(keep, filepath.Join(parent, name))
		}
		if err := Rotate(parent, c.limit, keep...); err != nil {
			t.Fatal(err)
		}
		if have := names(t, parent); have != c.want {
			t.Errorf("limit %d, keep %q: want %s, have %s", c.limit, c.keep, c.want, have)
		}
	}
}

func TestFailureLeavesWhatWasThere(t *testing.T) {
	parent := t.TempDir()
	write(t, parent, 1)
	before, cause := names(t, parent), errors.New("no luck")
	fail := func(dir string) error { return errors.Join(files("a")(dir), cause) }
	if _, err := Write(parent, 2, 1, false, fail); !errors.Is(err, cause) {
		t.Errorf("want the cause, have %v", err)
	}
	if err := Replace(parent, "last", 1, fail); !errors.Is(err, cause) {
		t.Errorf("want the cause, have %v", err)
	}
	if have := names(t, parent); have != before || newest(t, parent) != 1 {
		t.Errorf("want %s, have %s", before, have)
	}
	called := false
	_, err := Write(parent, 2, math.MaxInt64, false, func(string) error { called = true; return nil })
	if _, known := freeBytes(parent); known && (!errors.Is(err, ErrNoRoom) || called) {
		t.Errorf("want no room for %d bytes, have %v", int64(math.MaxInt64), err)
	}
}

// A checkpoint is made anew where that is asked for, and stays what it was where it fails.
func TestWriteAgain(t *testing.T) {
	parent := t.TempDir()
	dir := write(t, parent, 1)
	other, cause := files("c"), errors.New("no luck")
	_, err := Write(parent, 1, 1, true, func(dir string) error { return errors.Join(other(dir), cause) })
	if have := names(t, dir); !errors.Is(err, cause) || Verify(dir) != nil || have != "a complete.json sub" {
		t.Errorf("want what was there, have %s, %v", have, err)
	}
	for _, again := range []bool{false, true} {
		if _, err := Write(parent, 1, 1, again, other); err != nil || Verify(dir) != nil {
			t.Fatal(err, Verify(dir))
		}
		if have := names(t, dir); again != (have == "c complete.json") {
			t.Errorf("again %v: have %s", again, have)
		}
	}
	if have := names(t, parent); have != "checkpoint-1" {
		t.Errorf("want nothing left behind, have %s", have)
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	if err := files("a", "last", "other")(dir); err != nil {
		t.Fatal(err)
	}
	err := Replace(dir, "last", 10, func(temp string) error {
		if have := names(t, dir); !strings.Contains(have, "last") {
			return fmt.Errorf("the old last file is gone too early: %s", have)
		}
		return os.WriteFile(filepath.Join(temp, "last"), []byte("new"), 0o666)
	})
	if err != nil {
		t.Fatal(err)
	}
	if have := names(t, dir); have != "a last other" {
		t.Errorf("have %s", have)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "last")); string(b) != "new" {
		t.Errorf("have %q", b)
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	unlock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if free, known := freeBytes(dir); known && free >= 0 { // where there are no sizes there are no locks either
		if _, err := Lock(dir); err == nil {
			t.Error("want an error from the second lock, have none")
		}
	}
	unlock()
	if unlock, err = Lock(dir); err != nil {
		t.Fatal(err)
	}
	unlock()
}
