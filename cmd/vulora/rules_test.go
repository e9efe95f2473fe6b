package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

const module = "github.com/vulora/vulora/"

// arrows is the architecture: what each package may import of this module. A package not in the table may import
// nothing of it and must be added.
var arrows = map[string]string{
	"vk":                            "",
	"shaders":                       "",
	"shaders/build":                 "shaders",
	"tensor/kernel":                 "",
	"tensor/cpu":                    "tensor/kernel",
	"tensor/gpu":                    "tensor/kernel shaders vk",
	"tensor":                        "tensor/kernel tensor/cpu tensor/gpu",
	"tensor/optest":                 "tensor tensor/kernel",
	"tensor/devtest":                "tensor tensor/kernel tensor/cpu tensor/gpu",
	"autograd":                      "tensor tensor/kernel",
	"qwen2/atomicfile":              "",
	"qwen2/strictjson":              "",
	"qwen2/safetensors":             "qwen2/atomicfile qwen2/strictjson",
	"qwen2/packcache":               "qwen2/atomicfile qwen2/safetensors",
	"qwen2/jinja":                   "",
	"qwen2/tokenizer":               "qwen2/jinja qwen2/strictjson",
	"qwen2/tokenizer/tokenizertest": "qwen2/tokenizer",
	"qwen2": "autograd tensor tensor/kernel qwen2/atomicfile qwen2/bnb qwen2/packcache qwen2/safetensors " +
		"qwen2/strictjson",
	"lora/data":          "",
	"lora/data/rowcache": "lora/data qwen2/atomicfile",
	"lora/peft":          "",
	"lora/schedule":      "",
	"lora/optim":         "tensor tensor/kernel",
	"lora/checkpoint":    "qwen2/atomicfile",
	"lora": "qwen2 qwen2/safetensors qwen2/atomicfile autograd tensor tensor/kernel " +
		"qwen2/bnb lora/checkpoint lora/data lora/peft lora/schedule lora/optim",
	"cmd/vulora": "lora lora/checkpoint lora/data lora/peft lora/schedule qwen2 qwen2/safetensors qwen2/atomicfile " +
		"qwen2/bnb qwen2/strictjson qwen2/tokenizer tensor tensor/kernel cmd/vulora/demodata bench bench/step " +
		"tensor/optest lora/optim lora/report lora/data/rowcache",
	"cmd/vulora/demodata": "",
	"bench":               "tensor tensor/kernel tensor/optest",
	"bench/step":          "bench lora lora/data lora/peft qwen2 tensor tensor/kernel",
	"lora/report":         "lora lora/peft qwen2/atomicfile",
	"qwen2/bnb":           "qwen2/safetensors qwen2/strictjson",
}

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
	CgoFiles   []string
}

func list(t *testing.T, env []string, args ...string) (all []goPackage) {
	t.Helper()
	c := exec.Command("go", append([]string{"list", "-json"}, args...)...)
	c.Dir, c.Env = filepath.Join("..", ".."), append(os.Environ(), env...)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImportArrows(t *testing.T) {
	for _, p := range list(t, nil, "./...") {
		from := strings.TrimPrefix(p.ImportPath, module)
		allowed, ok := arrows[from]
		if !ok {
			t.Errorf("%s is not in the table", from)
		}
		for _, imported := range p.Imports {
			to, ours := strings.CutPrefix(imported, module)
			if ours && !strings.Contains(" "+allowed+" ", " "+to+" ") {
				t.Errorf("%s must not import %s", from, to)
			}
			if imported == "github.com/vulkan-go/vulkan" && from != "vk" {
				t.Errorf("%s must not import vulkan-go: only vk may", from)
			}
		}
	}
}

func TestStaticBuildHasNoCgo(t *testing.T) {
	for _, p := range list(t, []string{"CGO_ENABLED=0"}, "-tags", "novulkan", "-deps", "./cmd/vulora") {
		if len(p.CgoFiles) > 0 || p.ImportPath == "runtime/cgo" {
			t.Errorf("the static build contains %s, which needs cgo", p.ImportPath)
		}
	}
}

// A line is at most 120 characters, generated assembly and test data apart.
func TestLineLength(t *testing.T) {
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), "_") {
			return filepath.SkipDir // what Go ignores
		}
		if err != nil || d.IsDir() || !strings.Contains(".go .c .h .comp .glsl", filepath.Ext(path)) ||
			filepath.Ext(path) == "" {
			return err
		}
		b, err := os.ReadFile(path)
		for i, line := range strings.Split(string(b), "\n") {
			if n := utf8.RuneCountInString(line); n > 120 {
				t.Errorf("%s:%d: %d characters", path, i+1, n)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Memory is freed by whoever owns it: a finalizer would free it while a device still uses it.
func TestNoFinalizers(t *testing.T) {
	forbidden := regexp.MustCompile(`runtime\.(SetFinalizer|AddCleanup)\(`)
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		if forbidden.Match(b) {
			t.Errorf("%s uses a finalizer", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
