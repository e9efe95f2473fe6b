package gpu

import (
	"encoding/binary"
	"reflect"
	"strings"
	"testing"

	"github.com/vulora/vulora/shaders"
)

func shaderNames(t *testing.T) []string {
	t.Helper()
	names := shaders.Variants()
	if len(names) == 0 {
		t.Fatal("want shaders, have none")
	}
	return names
}

// TestPushLayout compares the push constants of every shader with the sizes struct of its kernel: the same number of
// 32-bit fields, of the same types, at the same offsets.
func TestPushLayout(t *testing.T) {
	types := map[string]reflect.Type{}
	for typ := range kernels {
		types[reflect.Zero(typ).Interface().(interface{ Kernel() string }).Kernel()] = typ
	}
	seen := map[string]bool{}
	for _, name := range shaderNames(t) {
		kernel, _, _ := strings.Cut(name, ".")
		typ, ok := types[kernel]
		if !ok {
			t.Errorf("%s: no kernel has this name", name)
			continue
		}
		seen[kernel] = true
		code, err := shaders.SPIRV(name)
		if err != nil {
			t.Fatal(err)
		}
		var want []field
		for i := range typ.NumField() {
			f := typ.Field(i)
			want = append(want, field{f.Type.Kind().String(), uint32(f.Offset)})
		}
		if have := pushFields(code); !reflect.DeepEqual(have, want) {
			t.Errorf("%s: want %v, have %v", name, want, have)
		}
	}
	delete(types, "grad_norm") // two kernels of ours do its work
	for kernel := range types {
		if !seen[kernel] {
			t.Errorf("%s: no shader", kernel)
		}
	}
}

type field struct {
	kind   string
	offset uint32
}

// pushFields returns the members of the struct that the module's push constant variable points to.
func pushFields(code []byte) (fields []field) {
	const (
		opTypeInt, opTypeFloat, opTypeStruct, opTypePointer = 21, 22, 30, 32
		opMemberDecorate                                    = 72
		pushConstant, offset                                = 9, 35
	)
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(code[4*i:]) }
	kinds, structs, offsets := map[uint32]string{}, map[uint32][]uint32{}, map[[2]uint32]uint32{}
	for i := 5; i < len(code)/4; i += int(word(i) >> 16) {
		switch word(i) & 0xffff {
		case opTypeInt:
			kinds[word(i+1)] = map[[2]uint32]string{{32, 0}: "uint32", {32, 1}: "int32"}[[2]uint32{word(i + 2), word(i + 3)}]
		case opTypeFloat:
			kinds[word(i+1)] = map[uint32]string{32: "float32"}[word(i+2)]
		case opTypeStruct:
			for j := 2; j < int(word(i)>>16); j++ {
				structs[word(i+1)] = append(structs[word(i+1)], word(i+j))
			}
		case opMemberDecorate:
			if word(i+3) == offset {
				offsets[[2]uint32{word(i + 1), word(i + 2)}] = word(i + 4)
			}
		case opTypePointer:
			if member := word(i + 3); word(i+2) == pushConstant && structs[member] != nil {
				for j, typ := range structs[member] {
					fields = append(fields, field{kinds[typ], offsets[[2]uint32{member, uint32(j)}]})
				}
			}
		}
	}
	return fields
}
