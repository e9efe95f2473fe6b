package peft

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// adapters are the folders of the golden adapters.
func adapters(t *testing.T) []string {
	t.Helper()
	root := os.Getenv("VULORA_GOLDENS")
	if root == "" {
		root = "testdata"
	}
	files, err := filepath.Glob(filepath.Join(root, "lora-grads", "*", "adapter", "adapter_config.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("there are no adapters")
	}
	for i, file := range files {
		files[i] = filepath.Dir(file)
	}
	return files
}

func TestGoldenConfig(t *testing.T) {
	for _, dir := range adapters(t) {
		want, err := os.ReadFile(filepath.Join(dir, "adapter_config.json"))
		if err != nil {
			t.Fatal(err)
		}
		c, warnings, err := Parse(want)
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: %v, %v", dir, err, warnings)
			continue
		}
		have, err := c.Marshal()
		if err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		if !bytes.Equal(have, want) {
			t.Errorf("%s: want\n%s\nhave\n%s", dir, want, have)
		}
	}
}

// shapes are those of the adapter's tensors: from the header of its file, or from the copy of it in testdata.
func shapes(t *testing.T, dir string) map[string][]int {
	t.Helper()
	all := map[string][]int{}
	file, err := os.ReadFile(filepath.Join(dir, "adapter_model.safetensors"))
	if errors.Is(err, fs.ErrNotExist) {
		if file, err = os.ReadFile(filepath.Join(dir, "shapes.json")); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(file, &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	if err != nil {
		t.Fatal(err)
	}
	var header map[string]struct{ Shape []int }
	if err := json.Unmarshal(file[8:8+binary.LittleEndian.Uint64(file)], &header); err != nil {
		t.Fatal(err)
	}
	for key, tensor := range header {
		if key != "__metadata__" {
			all[key] = tensor.Shape
		}
	}
	return all
}

// linears are the linear modules of the golden models, and those with a bias.
func linears(all map[string][]int) (modules, biased []string) {
	layers := 0
	for key := range all {
		if _, rest, ok := strings.Cut(key, ".layers."); ok {
			number, _, _ := strings.Cut(rest, ".")
			if n, err := strconv.Atoi(number); err == nil {
				layers = max(layers, n+1)
			}
		}
	}
	for i := range layers {
		layer := "model.layers." + strconv.Itoa(i) + "."
		for _, name := range []string{"q_proj", "k_proj", "v_proj"} {
			biased = append(biased, layer+"self_attn."+name)
			modules = append(modules, layer+"self_attn."+name)
		}
		for _, name := range []string{"self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"} {
			modules = append(modules, layer+name)
		}
	}
	return append(modules, "lm_head"), biased
}

// TestGoldenTargets compares the modules, ranks and keys a config gives with the tensors PEFT saved for it. An adapter
// with tensors this package has no key for must be refused.
func TestGoldenTargets(t *testing.T) {
	compared := 0
	for _, dir := range adapters(t) {
		content, err := os.ReadFile(filepath.Join(dir, "adapter_config.json"))
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := Parse(content)
		if err != nil {
			t.Fatal(err)
		}
		all := shapes(t, dir)
		known := true
		for key := range all {
			_, _, ok := ParseKey(key)
			known = known && ok
		}
		modules, biased := linears(all)
		targets, unmatched, err := Match(c, modules)
		if known != (err == nil) {
			t.Errorf("%s: all tensors known: %v, but %v", dir, known, err)
		}
		if err != nil {
			continue
		}
		compared++
		keys := c.Biases(biased, targets)
		for _, module := range targets {
			keys = append(keys, Key(module, PartA), Key(module, PartB))
			a, b := all[Key(module, PartA)], all[Key(module, PartB)]
			if r := c.Rank(module); len(a) != 2 || len(b) != 2 || a[0] != r || b[1] != r {
				t.Errorf("%s: %s: want A %v and B %v, have rank %d", dir, module, a, b, r)
			}
		}
		var want []string
		for key := range all {
			want = append(want, key)
		}
		slices.Sort(want)
		slices.Sort(keys)
		if !slices.Equal(keys, want) || len(unmatched) > 0 {
			t.Errorf("%s: want %v, have %v, unmatched %v", dir, want, keys, unmatched)
		}
	}
	if compared == 0 {
		t.Error("no adapter was compared")
	}
}
