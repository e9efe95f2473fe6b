package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
)

// TestFresh fails when a source changed and spv did not: run "make shaders".
func TestFresh(t *testing.T) {
	all, err := scan("..")
	if err != nil {
		t.Fatal(err)
	}
	m := read(t)
	for name, v := range all {
		have := m.Variants[name]
		have.Sum = "" // of the result, which TestManifest checks where it is embedded
		if !reflect.DeepEqual(have, v) {
			t.Errorf("%s: want %+v, have %+v", name, v, have)
		}
	}
	for name := range m.Variants {
		if _, ok := all[name]; !ok {
			t.Errorf("%s is in the manifest, but no source lists it", name)
		}
	}
}

// TestStale changes an included file and wants the hash of what includes it to change, and of nothing else.
func TestStale(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a.comp", "// a\n// variants: a x - b\n#include \"in.glsl\"\n")
	write("c.comp", "// c\n// variants: c; d\n")
	write("in.glsl", "one\n")
	before, err := scan(dir)
	if err != nil {
		t.Fatal(err)
	}
	write("in.glsl", "two\n")
	after, err := scan(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, changed := range map[string]bool{"a": true, "a.b": true, "c": false, "d": false} {
		if before[name].Hash == "" || (before[name].Hash != after[name].Hash) != changed {
			t.Errorf("%s: want changed %v, have %q and %q", name, changed, before[name].Hash, after[name].Hash)
		}
	}
	if before["a"].Hash == before["a.b"].Hash {
		t.Error("want the macros in the hash")
	}
}

func TestVariants(t *testing.T) {
	have, err := variants("// y = x\n// variants: p q x - r; s\n")
	want := map[string][]string{"p": {"P"}, "q": {"Q"}, "p.r": {"P", "R"}, "q.r": {"Q", "R"}, "s": {"S"}}
	if err != nil || !reflect.DeepEqual(have, want) {
		t.Errorf("want %v, have %v, %v", want, have, err)
	}
	for _, list := range []string{"", "p p", "-", "A", "p;p"} {
		if _, err := variants("// variants: " + list + "\n"); err == nil {
			t.Errorf("variants(%q): want an error", list)
		}
	}
}

// TestKeep wants the files of variants with matrices to be kept without tools for them, unless their sources changed.
func TestKeep(t *testing.T) {
	all, err := scan("..")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join("..", "spv")
	kept, err := keep(out, all)
	if err != nil || len(kept.Variants) == 0 || kept.MatrixCompiler == "" {
		t.Fatalf("want some variants kept, have %d by %q, %v", len(kept.Variants), kept.MatrixCompiler, err)
	}
	for name, v := range all {
		if _, ok := kept.Variants[name]; ok != v.matrix() {
			t.Errorf("%s: want kept %v, have %v", name, v.matrix(), ok)
		}
		changed := maps.Clone(all)
		other := v
		other.Hash = "other"
		changed[name] = other
		if _, err := keep(out, changed); (err != nil) != v.matrix() {
			t.Errorf("%s changed: have error %v", name, err)
		}
	}
}

// TestCompile compiles again and compares, where the compiler is the one that made spv.
func TestCompile(t *testing.T) {
	m := read(t)
	if _, err := exec.LookPath("glslc"); err != nil {
		t.Skip("NOT COMPILED AGAIN: no glslc here: spv is only checked by hash")
	}
	if have, err := ordinary.version(); err != nil || have != m.Compiler {
		t.Skipf("NOT COMPILED AGAIN: glslc is %q, spv was made by %q: spv is only checked by hash", have, m.Compiler)
	}
	newer := matrixTools()
	if newer != nil {
		if have, err := newer.version(); err != nil || have != m.MatrixCompiler {
			t.Fatalf("$VULORA_MATRIX_TOOLS: want %q, have %q, %v", m.MatrixCompiler, have, err)
		}
	}
	dir := t.TempDir()
	if err := compileAll("..", dir, m.Variants, newer); err != nil {
		t.Fatal(err)
	}
	for name, v := range m.Variants {
		if v.matrix() && newer == nil {
			continue
		}
		want, err := os.ReadFile(filepath.Join(dir, v.File))
		if err != nil {
			t.Fatal(err)
		}
		have, err := os.ReadFile(filepath.Join("..", "spv", v.File))
		if err != nil || !bytes.Equal(want, have) {
			t.Errorf("%s differs from what its source compiles to (%v)", name, err)
		}
	}
}

func read(t *testing.T) manifest {
	t.Helper()
	m, err := readManifest(filepath.Join("..", "spv"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
