package safetensors

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

func exists(path string) bool {
	_, err := os.Lstat(path) // A dangling link is an error to tell, not an absence.
	return err == nil
}

func checkDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: want a checkpoint folder: %w", dir, fs.ErrNotExist)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s: want a checkpoint folder, have a file", dir)
	}
	return nil
}

// whatIsThere explains a folder without model.safetensors and without an index.
func whatIsThere(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return fmt.Errorf("want %s or %s, the folder is empty", wholeName, indexName)
	}
	found := func(suffixes ...string) string {
		for _, s := range suffixes {
			for _, e := range entries {
				if strings.HasSuffix(e.Name(), s) {
					return e.Name()
				}
			}
		}
		return ""
	}
	hint := "no weights are in the folder"
	if name := found("adapter_model.safetensors", "adapter_config.json"); name != "" {
		hint = fmt.Sprintf("have %s: this is an adapter; name the folder of its base model", name)
	} else if name := found(".safetensors"); name != "" {
		hint = fmt.Sprintf("have %s but no index that lists it", name)
	} else if name := found(".gguf"); name != "" {
		hint = fmt.Sprintf("have %s: GGUF is not read; use the Hugging Face checkpoint it was made from", name)
	} else if name := found(".bin", ".pt", ".pth", ".ckpt"); name != "" {
		hint = fmt.Sprintf("have %s: pickled PyTorch weights are not read; convert them to safetensors", name)
	}
	return fmt.Errorf("want %s or %s: %s", wholeName, indexName, hint)
}
