package shaders

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestManifest checks that manifest and embedded files agree, and that together they stay small.
func TestManifest(t *testing.T) {
	text, err := files.ReadFile("spv/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Compiler string
		Matrix   string `json:"matrix_compiler"`
		Variants map[string]struct{ Source, Hash, SPV, Sum string }
	}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	if m.Compiler == "" || m.Matrix == "" || len(m.Variants) == 0 {
		t.Fatalf("want compilers and variants, have %q, %q and %d", m.Compiler, m.Matrix, len(m.Variants))
	}
	for name, v := range m.Variants {
		if v.SPV != name+".spv" {
			t.Errorf("%s: want file %s.spv, have %s", name, name, v.SPV)
		}
		code, err := SPIRV(name)
		if err != nil {
			t.Error(err)
		}
		if sum := sha256.Sum256(code); hex.EncodeToString(sum[:]) != v.Sum {
			t.Errorf("%s: want code with SHA-256 %q, have %x: run make shaders", name, v.Sum, sum)
		}
	}
	total := 0
	for _, name := range Variants() {
		if _, ok := m.Variants[name]; !ok {
			t.Errorf("%s.spv is not in the manifest", name)
		}
		code, _ := SPIRV(name)
		total += len(code)
	}
	if total > 1500<<10 {
		t.Errorf("want less than 1.5 MB of SPIR-V, have %d bytes", total)
	}
}

// TestCode walks the instructions of every variant: entry point main, no float atomics, and no capability but Shader
// and those that a word stands for.
func TestCode(t *testing.T) {
	const opEntryPoint, opCapability = 15, 17
	const shader, float16, subgroups, shuffles, memoryModel, matrices = 1, 9, 61, 65, 5345, 6022
	const bfloat16, bfloat16Matrices = 5116, 5118
	allowed := map[string][]uint32{"exchange": {subgroups, shuffles},
		"matrix": {subgroups, memoryModel, matrices, bfloat16, bfloat16Matrices},
		"half":   {subgroups, memoryModel, matrices, float16}}
	for _, name := range Variants() {
		code, err := SPIRV(name)
		if err != nil {
			t.Fatal(err)
		}
		word := func(i int) uint32 { return binary.LittleEndian.Uint32(code[4*i:]) }
		if len(code) < 20 || len(code)%4 != 0 || word(0) != 0x07230203 || word(1) != 0x00010300 {
			t.Errorf("%s: want SPIR-V 1.3, have %d bytes", name, len(code))
			continue
		}
		entries := 0
		for i := 5; i < len(code)/4; {
			op, n := word(i)&0xffff, int(word(i)>>16)
			if n == 0 || i+n > len(code)/4 {
				t.Errorf("%s: instruction at word %d leaves the module", name, i)
				break
			}
			switch op {
			case opEntryPoint:
				entries++
				if string(code[4*(i+3):4*(i+3)+5]) != "main\x00" {
					t.Errorf("%s: want entry point main", name)
				}
			case opCapability:
				last := name[strings.LastIndex(name, ".")+1:]
				if c := word(i + 1); c != shader && !slices.Contains(allowed[last], c) {
					t.Errorf("%s: want no capability but Shader and %v, have %d", name, allowed[last], c)
				}
			}
			i += n
		}
		if entries != 1 {
			t.Errorf("%s: want one entry point, have %d", name, entries)
		}
	}
}

func TestUnknownVariant(t *testing.T) {
	for _, name := range []string{"", "linear", "../shaders", "linear.f32.vec.spv"} {
		if _, err := SPIRV(name); err == nil {
			t.Errorf("SPIRV(%q): want an error", name)
		}
	}
}
