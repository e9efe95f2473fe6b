package safetensors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vulora/vulora/qwen2/strictjson"
)

// TestGoldenOpenModel opens each checkpoint folder of the goldens and compares its tensors with its files.
func TestGoldenOpenModel(t *testing.T) {
	root := os.Getenv("VULORA_GOLDENS")
	if root == "" {
		root = "../testdata"
	}
	dirs, err := filepath.Glob(filepath.Join(root, "model-*", "model"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no checkpoint below %s: %v", root, err)
	}
	for _, dir := range dirs {
		m, err := OpenModel(dir)
		if err != nil {
			t.Error(err)
			continue
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*.safetensors"))
		total := 0
		for _, path := range files {
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range f.Names() {
				total++
				want, _ := f.Tensor(name)
				got, ok := m.Tensor(name)
				if !ok || got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) ||
					string(got.Data) != string(want.Data) || m.File(name) != filepath.Base(path) {
					t.Errorf("%s: tensor %s of the model is not that of the file", path, name)
				}
			}
			f.Close()
		}
		if names := m.Names(); len(names) != total || total == 0 {
			t.Errorf("%s: %d names, want %d", dir, len(names), total)
		}
		if m.Metadata()["format"] != "pt" {
			t.Errorf("%s: metadata %v", dir, m.Metadata())
		}
		if err := errors.Join(m.Close(), m.Close()); err != nil || len(m.Names()) != 0 {
			t.Errorf("close: %v, %d names left", err, len(m.Names()))
		}
	}
}

// sharded writes shards, each with the named one-byte tensors, and an index.
func sharded(t *testing.T, shards map[string][]string, index map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for file, names := range shards {
		var tensors []Tensor
		for _, n := range names {
			tensors = append(tensors, Tensor{Name: n, DType: "U8", Data: []byte(n[:1])})
		}
		if err := Write(filepath.Join(dir, file), tensors, nil); err != nil {
			t.Fatal(err)
		}
	}
	b, err := json.Marshal(map[string]any{"metadata": map[string]any{"total_size": 3}, "weight_map": index})
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, indexName), b)
	return dir
}

func TestOpenModelSharded(t *testing.T) {
	dir := sharded(t, map[string][]string{"1.safetensors": {"b", "a"}, "2.safetensors": {"c"}, "stray.safetensors": {"a"}},
		map[string]string{"a": "1.safetensors", "b": "1.safetensors", "c": "2.safetensors"})
	m, err := OpenModel(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if got := fmt.Sprint(m.Names()); got != "[a b c]" {
		t.Errorf("names %s", got)
	}
	if x, ok := m.Tensor("c"); !ok || string(x.Data) != "c" || m.File("c") != "2.safetensors" {
		t.Errorf("c = %v in %q", x, m.File("c"))
	}
	if _, ok := m.Tensor("d"); ok || m.File("d") != "" {
		t.Error("found a tensor that is not there")
	}
	if err := Write(filepath.Join(dir, wholeName), []Tensor{{Name: "w", DType: "U8", Data: []byte{1}}}, nil); err != nil {
		t.Fatal(err)
	}
	whole, err := OpenModel(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	if got := fmt.Sprint(whole.Names()); got != "[w]" {
		t.Errorf("names %s, want those of %s, which comes before the index", got, wholeName)
	}
}

func TestOpenModelTellsAllProblems(t *testing.T) {
	dir := sharded(t, map[string][]string{
		"1.safetensors":    {"a", "twice", "wandered", "unlisted"},
		"2.safetensors":    {"b", "twice"},
		"cut.safetensors":  {"d", "e"},
		"junk.safetensors": {"f"},
	}, map[string]string{
		"a": "1.safetensors", "absent": "1.safetensors", "twice": "2.safetensors", "wandered": "2.safetensors",
		"b": "2.safetensors", "d": "cut.safetensors", "e": "cut.safetensors", "f": "junk.safetensors",
		"g": "gone.safetensors",
	})
	cut := filepath.Join(dir, "cut.safetensors")
	whole, err := os.ReadFile(cut)
	if err != nil {
		t.Fatal(err)
	}
	put(t, cut, whole[:len(whole)-1])
	put(t, filepath.Join(dir, "junk.safetensors"), []byte("version https://git-lfs.github.com/spec/v1\n"))

	_, err = OpenModel(dir)
	if err == nil {
		t.Fatal("a checkpoint full of faults was opened")
	}
	if !errors.Is(err, ErrCorrupt) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error hides its causes: %v", err)
	}
	lines := strings.Split(err.Error(), "\n")
	for _, want := range []string{
		"tensor unlisted: found in 1.safetensors, but the index does not list it",
		"tensor wandered: want it in 2.safetensors, found in 1.safetensors",
		"tensor twice: want it in 2.safetensors, found in 1.safetensors",
		"tensor twice: want it once, found in 1.safetensors and in 2.safetensors",
		"tensor absent: want it in 1.safetensors, found nowhere",
		fmt.Sprintf("shard cut.safetensors, wanted for 2 tensors: %s: %v: truncated: want %d bytes, have %d", cut,
			ErrCorrupt, len(whole), len(whole)-1),
		"shard gone.safetensors, wanted for 1 tensors: ",
		"shard junk.safetensors, wanted for 1 tensors: ",
	} {
		n := 0
		for _, l := range lines {
			if strings.Contains(l, want) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d lines with %q, want 1", n, want)
		}
	}
	if len(lines) != 9 || !strings.Contains(lines[0], dir) || !strings.Contains(lines[0], "8 problem(s)") {
		t.Errorf("want a heading with the folder and 8 lines, have:\n%v", err)
	}
}

func TestOpenModelLimitsLines(t *testing.T) {
	index := map[string]string{}
	for i := range maxProblems + 7 {
		index[fmt.Sprintf("t%d", i)] = "1.safetensors"
	}
	_, err := OpenModel(sharded(t, map[string][]string{"1.safetensors": nil}, index))
	if err == nil || !strings.HasSuffix(err.Error(), "and 7 more") || strings.Count(err.Error(), "\n") != maxProblems+1 {
		t.Errorf("error %.200v", err)
	}
}

func TestOpenModelExplainsFolders(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenModel(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) ||
		!strings.Contains(err.Error(), "want a checkpoint folder") {
		t.Errorf("missing folder: %v", err)
	}
	file := put(t, filepath.Join(dir, "file"), nil)
	if _, err := OpenModel(file); err == nil || !strings.Contains(err.Error(), "have a file") {
		t.Errorf("file: %v", err)
	}
	for want, names := range map[string][]string{
		"the folder is empty":                {},
		"no weights are in the folder":       {"config.json"},
		"have pytorch_model.bin: pickled":    {"config.json", "pytorch_model.bin"},
		"have m-q4.gguf: GGUF is not read":   {"m-q4.gguf", "config.json"},
		"adapter_model.safetensors: this is": {"adapter_model.safetensors", "adapter_config.json"},
		"have w.safetensors but no index":    {"w.safetensors", "pytorch_model.bin"},
	} {
		d := t.TempDir()
		for _, n := range names {
			put(t, filepath.Join(d, n), nil)
		}
		_, err := OpenModel(d)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), d) {
			t.Errorf("%v: error %v, want %q and the folder", names, err, want)
		}
	}
}

func TestIndexRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`[]`: "cannot unmarshal", `{}`: "weight_map: missing", `{"Weight_Map":{"a":"b.safetensors"}}`: "weight_map: missing",
		`{"weight_map":{}}`: "at least one", `{"weight_map":null}`: "at least one", `{"weight_map":{"a":1}}`: "weight_map",
		`{"weight_map":{"a":null}}`: "have null", `{"weight_map":{"a":"x.bin"}}`: `have "x.bin"`,
		`{"weight_map":{"a":"../x.safetensors"}}`: "same folder", `{"weight_map":{"a":"/x.safetensors"}}`: "same folder",
		`{"weight_map":{"a":"d/x.safetensors"}}`: "same folder", `{"weight_map":{"a":"d\\x.safetensors"}}`: "same folder",
		`{"weight_map":{"a":"C:x.safetensors"}}`: "same folder", `{"weight_map":{"a":"x\u0000.safetensors"}}`: "same folder",
		`{"weight_map":{"a":".."}}`: "same folder", `{"weight_map":{"a":""}}`: "same folder",
		`{"weight_map":{"a":".safetensors"}}`:                        "same folder",
		`{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}`:   "twice",
		`{"weight_map":{"a":"x.safetensors"},"metadata":[[[[[[[[]]]`: "nested",
	} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, indexName), []byte(text))
		_, err := OpenModel(dir)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), indexName) {
			t.Errorf("%s: error %v, want %q and the file", text, err, want)
		}
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"total_size":1},"weight_map":{"a":"model-00001-of-00002.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"../../etc/x.safetensors","b":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if strictjson.Check(data, indexDepth) != nil {
			return
		}
		weightMap, err := parseIndex(data)
		if err != nil {
			return
		}
		for _, file := range slices.Collect(maps.Values(weightMap)) {
			if joined := filepath.Join("d", file); filepath.Dir(joined) != "d" || strings.ContainsAny(file, "\\/") {
				t.Fatalf("accepted %q, which leaves the folder", file)
			}
		}
	})
}
