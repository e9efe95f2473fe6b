// Build compiles every variant of every shader to SPIR-V. Run it from the root of the repository:
//
//	go run ./shaders/build
//
// It needs glslc and spirv-val. It writes shaders/spv, whose files are committed: building Vulora needs no compiler.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
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
	compiler, err := version()
	if err != nil {
		return err
	}
	out := filepath.Join(dir, "spv")
	fresh := out + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(fresh) // what is left of a failure
	if err := compileAll(dir, fresh, all); err != nil {
		return err
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
	text, err := json.MarshalIndent(manifest{compiler, all}, "", "\t")
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

// compileAll compiles and validates the variants, as many at a time as there are processors.
func compileAll(dir, out string, all map[string]variant) error {
	var wait sync.WaitGroup
	var mu sync.Mutex
	var failed []string
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for name, v := range all {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if err := compile(dir, filepath.Join(out, v.File), v); err != nil {
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

// compile makes the file of one variant.
func compile(dir, file string, v variant) error {
	args := []string{"-O", "--target-env=vulkan1.1", "-Werror"}
	for _, m := range v.Macros {
		args = append(args, "-D"+m)
	}
	args = append(args, "-o", file, filepath.Join(dir, v.Source))
	if text, err := exec.Command("glslc", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("glslc: %w\n%s", err, text)
	}
	if text, err := exec.Command("spirv-val", "--target-env", "vulkan1.1", file).CombinedOutput(); err != nil {
		return fmt.Errorf("spirv-val: %w\n%s", err, text)
	}
	return nil
}

// version returns what glslc says of itself, in one line.
func version() (string, error) {
	text, err := exec.Command("glslc", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("glslc --version: %w", err)
	}
	return strings.Join(strings.Fields(string(text)), " "), nil
}
