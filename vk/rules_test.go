package vk

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const vulkanGo = "github.com/vulkan-go/vulkan"

// Calls of vulkan-go that take a slice: their C copy may be freed before or during the call. They must be found
// in its source, with others, or this test looks at the wrong place.
var sliceCalls = []string{"QueueSubmit", "UpdateDescriptorSets", "CreateComputePipelines", "CmdPipelineBarrier",
	"CmdCopyBuffer", "CmdWaitEvents", "FlushMappedMemoryRanges", "InvalidateMappedMemoryRanges",
	"EnumerateDeviceExtensionProperties", "GetPhysicalDeviceQueueFamilyProperties", "WaitForFences", "ResetFences"}

// Calls whose structures hold slices or strings: the binding stores Go pointers in C memory.
var storingCalls = []string{"CreateInstance", "CreateDevice", "CreateShaderModule", "CreatePipelineCache",
	"CreatePipelineLayout", "CreateDescriptorSetLayout", "CreateDescriptorPool"}

func TestRules(t *testing.T) {
	forbidden := map[string]bool{}
	for _, c := range storingCalls {
		forbidden[c] = true
	}
	for _, c := range sliceCalls {
		forbidden[c] = true
	}
	for c := range slicesInSource(t) {
		forbidden[c] = true
	}
	used := 0
	for name, f := range parseDir(t, ".") {
		local := ""
		for _, imp := range f.Imports {
			if strings.Trim(imp.Path.Value, `"`) == vulkanGo {
				if local = "vulkan"; imp.Name != nil {
					local = imp.Name.Name
				}
				if name != "plain.go" {
					t.Errorf("%s imports %s: only plain.go may", name, vulkanGo)
				}
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := s.X.(*ast.Ident)
			if !ok {
				return true
			}
			if x.Name == "runtime" && (s.Sel.Name == "SetFinalizer" || s.Sel.Name == "AddCleanup") {
				t.Errorf("%s: runtime.%s: nothing is freed by the collector", name, s.Sel.Name)
			}
			if x.Name == local && local != "" {
				used++
				if forbidden[s.Sel.Name] {
					t.Errorf("%s: %s.%s gives slices to the binding: use the shim", name, local, s.Sel.Name)
				}
			}
			return true
		})
	}
	if used == 0 {
		t.Error("no use of the binding was found")
	}
}

// slicesInSource reads vulkan-go's source for the functions that take slices.
func slicesInSource(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	if _, err := exec.LookPath("go"); err != nil {
		t.Logf("no go command to find the source of %s: only the calls known to this test are checked", vulkanGo)
		return found
	}
	pkg, err := build.Import(vulkanGo, ".", build.FindOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range parseDir(t, pkg.Dir) {
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Recv != nil {
				continue
			}
			for _, p := range fn.Type.Params.List {
				if a, ok := p.Type.(*ast.ArrayType); ok && a.Len == nil {
					found[fn.Name.Name] = true
				}
			}
		}
	}
	for _, c := range sliceCalls {
		if !found[c] {
			t.Errorf("%s is not found among the calls of %s that take slices", c, vulkanGo)
		}
	}
	return found
}

// The stub must offer what the real package offers, or other packages compile in one build only.
func TestStubIsComplete(t *testing.T) {
	api := func(f *ast.File, into map[string]bool) {
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || !fn.Name.IsExported() {
				continue
			}
			s := fn.Name.Name
			if fn.Recv != nil {
				recv := types.ExprString(fn.Recv.List[0].Type)
				if !strings.HasPrefix(recv, "*") {
					continue // Kind, Info and other plain values are in both builds
				}
				s = recv + "." + s
			}
			s += "("
			for _, list := range []*ast.FieldList{fn.Type.Params, fn.Type.Results} {
				for i := 0; list != nil && i < len(list.List); i++ {
					s += strings.Repeat(types.ExprString(list.List[i].Type)+",", max(len(list.List[i].Names), 1))
				}
				s += ")"
			}
			into[s] = true
		}
	}
	stub, real := map[string]bool{}, map[string]bool{}
	for name, f := range parseDir(t, ".") {
		switch {
		case name == "stub.go":
			api(f, stub)
		case !strings.HasSuffix(name, "_test.go"):
			api(f, real)
		}
	}
	for _, both := range []struct {
		name      string
		have, per map[string]bool
	}{{"stub.go", stub, real}, {"the real package", real, stub}} {
		for s := range both.per {
			if !both.have[s] {
				t.Errorf("%s lacks %s", both.name, s)
			}
		}
	}
	if len(stub) < 15 {
		t.Errorf("only %d functions were found in stub.go", len(stub))
	}
}

func parseDir(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() && path != dir {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		files[filepath.Base(path)] = f
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", dir, len(files), err)
	}
	return files
}
