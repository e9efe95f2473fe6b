// Build compiles every variant of every shader to SPIR-V. Run it from the root of the repository:
//
//	go run ./shaders/build
//
// It needs glslc and spirv-val. It writes shaders/spv, whose files are committed: building Vulora needs no compiler.
//
// The variants with cooperative matrices need a glslc newer than that of some distributions (shaderc 2025 or later).
// They are compiled if $VULORA_MATRIX_TOOLS is set, to what runs a tool of that age when the tool's name and arguments
// follow, such as "env PATH=/opt/vulkan/bin" or ".ci/coopmat run". Otherwise their files are kept, as long as
// their sources did not change.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

func main() {
	dir := flag.String("dir", "shaders", "folder of the sources; the results go to its folder spv")
	flag.Parse()
	if err := build(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "shaders/build:", err)
		os.Exit(1)
	}
}

// build replaces dir/spv.
func build(dir string) error {
	all, err := scan(dir)
	if err != nil {
		return err
	}
	out := filepath.Join(dir, "spv")
	made := manifest{Variants: all}
	if made.Compiler, err = ordinary.version(); err != nil {
		return err
	}
	kept, newer := manifest{}, matrixTools()
	if newer != nil {
		made.MatrixCompiler, err = newer.version()
	} else {
		kept, err = keep(out, all)
		made.MatrixCompiler = kept.MatrixCompiler
	}
	if err != nil {
		return err
	}
	fresh := out + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(fresh) // what is left of a failure
	if err := compileAll(dir, fresh, all, newer); err != nil {
		return err
	}
	for name, v := range kept.Variants {
		code, err := os.ReadFile(filepath.Join(out, v.File))
		if err != nil {
			return fmt.Errorf("%s is to be kept: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(fresh, v.File), code, 0o644); err != nil {
			return err
		}
	}
	for name, v := range all {
		code, err := os.ReadFile(filepath.Join(fresh, v.File))
		if err != nil {
			return err
		}
		sum := sha256.Sum256(code)
		v.Sum = hex.EncodeToString(sum[:])
		all[name] = v
	}
	text, err := json.MarshalIndent(made, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(fresh, "manifest.json"), append(text, '\n'), 0o644); err != nil {
		return err
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	return os.Rename(fresh, out)
}

// keep returns what the last run left of the variants with matrices, and an error if it is not what all wants.
func keep(out string, all map[string]variant) (kept manifest, err error) {
	last, err := readManifest(out)
	if err != nil {
		return kept, err
	}
	kept = manifest{MatrixCompiler: last.MatrixCompiler, Variants: map[string]variant{}}
	for name, v := range all {
		if !v.matrix() {
			continue
		}
		if last.Variants[name].Hash != v.Hash {
			return kept, fmt.Errorf("%s: want $VULORA_MATRIX_TOOLS to compile what changed, have none", name)
		}
		kept.Variants[name] = last.Variants[name]
	}
	return kept, nil
}

// compileAll compiles and validates the variants, as many at a time as there are processors; those with matrices by
// newer, or not at all if there are no such tools.
func compileAll(dir, out string, all map[string]variant, newer tools) error {
	var wait sync.WaitGroup
	var mu sync.Mutex
	var failed []string
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for name, v := range all {
		by := ordinary
		if v.matrix() {
			by = newer
		}
		if by == nil {
			continue
		}
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if err := by.compile(dir, filepath.Join(out, v.File), v); err != nil {
				mu.Lock()
				failed = append(failed, fmt.Sprintf("%s: %v", name, err))
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if failed != nil {
		return fmt.Errorf("%d variants failed\n%s", len(failed), strings.Join(failed, "\n"))
	}
	return nil
}
