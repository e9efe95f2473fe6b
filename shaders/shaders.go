package shaders

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed spv/*.spv spv/manifest.json
var files embed.FS

// SPIRV returns the code of a variant, such as "swiglu_back" or "linear.bf16.vec": little-endian SPIR-V 1.3 whose entry
// point is "main". It is an error if there is no such variant.
func SPIRV(variant string) ([]byte, error) {
	code, err := files.ReadFile("spv/" + variant + ".spv")
	if err != nil {
		return nil, fmt.Errorf("shaders: spirv: want one of the %d variants, have %q", len(Variants()), variant)
	}
	return code, nil
}

// Variants returns the names of all variants, sorted.
func Variants() []string {
	entries, err := files.ReadDir("spv")
	if err != nil {
		return nil // cannot be: the folder is embedded
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".spv"); ok {
			names = append(names, name)
		}
	}
	return names
}
