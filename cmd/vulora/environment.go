package main

import (
	"os"
	"slices"
	"strings"
)

// otherVariables are read by something else than a flag: the Vulkan loader's place, and the tests.
var otherVariables = []string{"VULORA_VULKAN_LIBRARY", "VULORA_GOLDENS", "VULORA_PYTHON", "VULORA_STRESS", "VULORA_AMX",
	"VULORA_TEST_"}

// misspelt writes a note about each variable of the environment that looks like a flag's and is none of any command.
func misspelt(s *shell) {
	var known []string
	for _, c := range commands() {
		f := newFlags()
		c.setup(f)
		f.addCommon()
		known = append(known, f.names()...)
	}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		flag, ours := strings.CutPrefix(name, "VULORA_")
		flag = strings.ToLower(strings.ReplaceAll(flag, "_", "-"))
		ours = ours && !slices.ContainsFunc(otherVariables, func(o string) bool { return strings.HasPrefix(name, o) })
		if ours && !slices.Contains(known, flag) {
			s.note("the environment's %s is no flag's and is ignored%s", name, didYouMean("--", flag, known))
		}
	}
}
