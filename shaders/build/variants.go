package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A variant is one way to compile a source.
type variant struct {
	Source string   `json:"source"`           // file in the folder of the sources
	Macros []string `json:"macros,omitempty"` // defined while compiling
	Hash   string   `json:"hash"`             // SHA-256 of the source, what it includes, and the macros
	File   string   `json:"spv"`              // file in the folder of the results
	Sum    string   `json:"sum"`              // SHA-256 of that file
}

// manifest is what spv/manifest.json holds.
type manifest struct {
	Compiler       string             `json:"compiler"`
	MatrixCompiler string             `json:"matrix_compiler"` // of the variants with cooperative matrices
	Variants       map[string]variant `json:"variants"`
}

// readManifest reads the one in dir.
func readManifest(dir string) (m manifest, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(text, &m)
}

// matrix tells whether a variant uses cooperative matrices.
func (v variant) matrix() bool { return slices.Contains(v.Macros, "MATRIX") }

// scan returns the variants of all sources in dir by name.
func scan(dir string) (map[string]variant, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.comp"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("scan: want shader sources (*.comp) in %s, have none", dir)
	}
	all := map[string]variant{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		list, err := variants(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		source, err := flatten(file, 0)
		if err != nil {
			return nil, err
		}
		for name, macros := range list {
			if _, twice := all[name]; twice {
				return nil, fmt.Errorf("%s: variant %s exists in another file", file, name)
			}
			sum := sha256.Sum256([]byte(source + "\x00" + strings.Join(macros, "\x00")))
			all[name] = variant{Source: filepath.Base(file), Macros: macros, Hash: hex.EncodeToString(sum[:]),
				File: name + ".spv"}
		}
	}
	return all, nil
}

var variantName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// variants reads the line "// variants:" of a source: lists separated by ";", each the product, written "x", of sets of
// words. A variant's name is its words joined with dots, and each word is defined in capitals as a macro; "-" stands
// for no word.
func variants(text string) (map[string][]string, error) {
	const mark = "// variants:"
	var line string
	for l := range strings.Lines(text) {
		if !strings.HasPrefix(l, "//") {
			break
		}
		if strings.HasPrefix(l, mark) {
			line = strings.TrimSpace(l[len(mark):])
		}
	}
	if line == "" {
		return nil, fmt.Errorf("want a line %q among the first comments", mark)
	}
	all := map[string][]string{}
	for list := range strings.SplitSeq(line, ";") {
		product := [][]string{nil}
		for set := range strings.SplitSeq(list, " x ") {
			var next [][]string
			for _, p := range product {
				for word := range strings.FieldsSeq(set) {
					q := p[:len(p):len(p)]
					if word != "-" {
						if !variantName.MatchString(word) {
							return nil, fmt.Errorf("want words of a-z, 0-9 and _, have %q", word)
						}
						q = append(q, word)
					}
					next = append(next, q)
				}
			}
			product = next
		}
		for _, words := range product {
			name := strings.Join(words, ".")
			if name == "" || all[name] != nil {
				return nil, fmt.Errorf("want each variant once, have %q again or empty", name)
			}
			all[name] = strings.Split(strings.ToUpper(name), ".")
		}
	}
	return all, nil
}

// flatten returns the text of a source with its includes in place.
func flatten(file string, depth int) (string, error) {
	if depth > 8 {
		return "", fmt.Errorf("%s: includes nest too deep", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for l := range strings.Lines(string(text)) {
		name, ok := strings.CutPrefix(strings.TrimSpace(l), "#include ")
		if !ok {
			b.WriteString(l)
			continue
		}
		name = strings.Trim(strings.TrimSpace(name), `"`)
		if filepath.Base(name) != name {
			return "", fmt.Errorf("%s: want includes in the same folder, have %q", file, name)
		}
		part, err := flatten(filepath.Join(filepath.Dir(file), name), depth+1)
		if err != nil {
			return "", err
		}
		b.WriteString(part)
	}
	return b.String(), nil
}
