package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"vulora": main})
}

// TestScripts runs testdata/script/*.txtar, where $MODEL is the demo's checkpoint, $ROWS its rows, and $TINY and
// $SHARDED are other checkpoints, the latter in shards and without a tokenizer. $ADAPTER4 is an adapter of $QUANTIZED,
// a checkpoint in 4 bits made from one of $TINY's shapes.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			for name, path := range map[string]string{
				"MODEL": "demodata/qwen2-demo", "ROWS": "demodata/korean_counties.json",
				"TINY": "../../qwen2/testdata/model-tiny/model", "SHARDED": "../../qwen2/testdata/model-untied-sharded/model",
				"QUANTIZED": "../../qwen2/testdata/bnb-4bit/nf4-dq-f32/model",
				"ADAPTER4":  "../../lora/testdata/qlora-trajectory/adapter_init",
			} {
				abs, err := filepath.Abs(filepath.FromSlash(path))
				if err != nil {
					return err
				}
				e.Setenv(name, abs)
			}
			e.Setenv("VULORA_DEVICE", "cpu")
			e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, "cache"))
			e.Setenv("HF_HUB_CACHE", filepath.Join(e.WorkDir, "hub"))
			return nil
		},
		Condition: func(name string) (bool, error) {
			return name == "root" && os.Geteuid() == 0, nil
		},
		RequireUniqueNames: true,
	})
}
