package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/tokenizer"
)

// Rows come from the cache as they were read, are made anew where an entry is damaged, and are others where a file or
// a setting is another.
func TestRowCache(t *testing.T) {
	const model = "demodata/qwen2-demo"
	tok, err := tokenizer.Load(model)
	if err != nil {
		t.Fatal(err)
	}
	c, err := qwen2.ReadConfig(model)
	if err != nil {
		t.Fatal(err)
	}
	rows := filepath.Join(t.TempDir(), "rows.json")
	content, err := os.ReadFile("demodata/korean_counties.json")
	if err != nil {
		t.Fatal(err)
	}
	write := func(text []byte) {
		if err := os.WriteFile(rows, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(content)
	dir := t.TempDir()
	var said bytes.Buffer
	s := &shell{ctx: context.Background(), err: &said}
	read := func(change func(*dataOptions)) *dataset {
		t.Helper()
		o := &dataOptions{files: []string{rows}, appendEOS: true, maxLength: 256,
			cache: rowCache{dir: dir, from: 1, tokenizer: "t"}}
		change(o)
		d, err := o.build(s, tok, c)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	entries := func() []string {
		found, err := filepath.Glob(filepath.Join(dir, "*.rows"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	as := func(*dataOptions) {}
	without := read(func(o *dataOptions) { o.cache.dir = "" })
	read(func(o *dataOptions) { o.cache.from = 1 << 30 })
	if n := len(entries()); n != 0 {
		t.Fatalf("%d entries where none is wanted", n)
	}
	for _, when := range []string{"first", "second"} {
		if have := read(as); !reflect.DeepEqual(have, without) || len(entries()) != 1 {
			t.Errorf("the %s time: other rows than without a cache, %d entries", when, len(entries()))
		}
	}
	entry := entries()[0]
	whole, err := os.ReadFile(entry)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range [][]byte{whole[:len(whole)/2], {}, append([]byte("x"), whole...)} {
		if err := os.WriteFile(entry, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		said.Reset()
		have := read(as)
		again, err := os.ReadFile(entry)
		if !reflect.DeepEqual(have, without) || err != nil || !bytes.Equal(again, whole) ||
			!strings.Contains(said.String(), "the rows are tokenised anew") {
			t.Errorf("a damaged entry of %d bytes: %v, %s", len(damaged), err, &said)
		}
	}
	n := 1
	for name, change := range map[string]func(*dataOptions){
		"max-length": func(o *dataOptions) { o.maxLength = 200 }, "append-eos": func(o *dataOptions) { o.appendEOS = false },
		"template": func(o *dataOptions) { o.template = "seed" }, "limit": func(o *dataOptions) { o.limit = 3 },
		"train-on": func(o *dataOptions) { o.trainOn = "all" }, "tokenizer": func(o *dataOptions) { o.cache.tokenizer = "u" },
		"contents": func(*dataOptions) { write(append(content, '\n')) }} {
		read(change)
		if n++; len(entries()) != n {
			t.Errorf("%s: want an entry of its own", name)
		}
	}
}
