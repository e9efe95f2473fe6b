package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// tools is the command line that runs glslc or spirv-val when its name and arguments are appended.
type tools []string

// ordinary tools are those on the path.
var ordinary = tools{}

// matrixTools are those that know cooperative matrices; nil: there are none.
func matrixTools() tools {
	if words := strings.Fields(os.Getenv("VULORA_MATRIX_TOOLS")); len(words) > 0 {
		return words
	}
	return nil
}

func (t tools) command(words ...string) *exec.Cmd {
	all := append(t[:len(t):len(t)], words...)
	return exec.Command(all[0], all[1:]...)
}

// compile makes the file of one variant.
func (t tools) compile(dir, file string, v variant) error {
	args := []string{"glslc", "-O", "--target-env=vulkan1.1", "-Werror"}
	for _, m := range v.Macros {
		args = append(args, "-D"+m)
	}
	args = append(args, "-o", file, filepath.Join(dir, v.Source))
	if text, err := t.command(args...).CombinedOutput(); err != nil {
		return fmt.Errorf("glslc: %w\n%s", err, text)
	}
	if text, err := t.command("spirv-val", "--target-env", "vulkan1.1", file).CombinedOutput(); err != nil {
		return fmt.Errorf("spirv-val: %w\n%s", err, text)
	}
	return nil
}

// version returns what glslc says of itself, in one line.
func (t tools) version() (string, error) {
	text, err := t.command("glslc", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("glslc --version: %w", err)
	}
	return strings.Join(strings.Fields(string(text)), " "), nil
}
