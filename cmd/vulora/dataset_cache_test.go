package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/vulora/vulora/lora/data"
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
		"format":   func(o *dataOptions) { o.format = "alpaca" },
		"train-on": func(o *dataOptions) { o.trainOn = "all" }, "tokenizer": func(o *dataOptions) { o.cache.tokenizer = "u" },
		"contents": func(*dataOptions) { write(append(content, '\n')) }} {
		read(change)
		if n++; len(entries()) != n {
			t.Errorf("%s: want an entry of its own", name)
		}
	}

	copied := filepath.Join(t.TempDir(), "copied.json")
	if err := os.WriteFile(copied, append(content, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	have := read(func(o *dataOptions) { o.files = []string{copied} })
	if len(entries()) != n || have.files[0].Name != copied {
		t.Errorf("want the rows of the same contents under the name %s, have %+v", copied, have.files)
	}

	at := bytes.IndexByte(content, '{')
	write(append(append(append([]byte{}, content[:at]...), "{},"...), content[at:]...)) // a bad row
	skip := func(o *dataOptions) { o.skipBad = filepath.Join(t.TempDir(), "skipped.jsonl") }
	for range 2 {
		if have := read(skip); have.bad.Total != 1 || len(entries()) != n {
			t.Errorf("want a bad row each time and nothing kept, have %d, %d entries", have.bad.Total, len(entries()))
		}
	}
	write(content[:len(content)-1])
	cached := rowCache{dir: dir, from: 1}
	_, k := cached.find(s, tok, []string{rows}, data.ReadOptions{}, data.Options{})
	write(append(content, '\n'))
	if k.keep(s, without); len(entries()) != n {
		t.Error("want nothing kept of a file that was changed while it was read")
	}
	cached.from = int64(len(content)) + 2 // more than one has
	if _, k = cached.find(s, tok, []string{rows, rows}, data.ReadOptions{}, data.Options{}); k == nil {
		t.Error("want the sizes of all files to count")
	}
	if err := tok.UseChatTemplate("clock", "{{ strftime_now('%S') }}"); err != nil {
		t.Fatal(err)
	}
	if _, k = cached.find(s, tok, []string{rows, rows}, data.ReadOptions{}, data.Options{}); k != nil {
		t.Error("want nothing kept of a template that reads the clock")
	}
}

// The tokenizer's name follows its files and the chat template.
func TestRowCacheNamesTheTokenizer(t *testing.T) {
	dir := t.TempDir()
	template := filepath.Join(dir, "other.jinja")
	names := map[string]string{}
	for _, file := range []string{"", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "other.jinja"} {
		if file != "" {
			if err := os.WriteFile(filepath.Join(dir, file), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		name := (&modelOptions{dir: dir, cache: true, chatTemplate: template}).newRowCache().tokenizer
		if before, ok := names[name]; ok || name == "" {
			t.Errorf("with %q: want another name than with %q, have %q", file, before, name)
		}
		names[name] = file
	}
}
