package safetensors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/vulora/vulora/qwen2/atomicfile"
	"github.com/vulora/vulora/qwen2/strictjson"
)

const (
	wholeName    = "model.safetensors"
	indexName    = "model.safetensors.index.json"
	maxIndexSize = 64 << 20 // bytes; that of a 405-billion-parameter model is under 1 MiB
	indexDepth   = 8        // "metadata" is free-form
	maxShards    = 10_000
)

// readIndex reads and checks the index file path. It returns the file name of each tensor.
func readIndex(path string) (map[string]string, error) {
	data, err := strictjson.ReadFile(path, maxIndexSize, indexDepth)
	if err != nil {
		return nil, err
	}
	weightMap, err := parseIndex(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return weightMap, nil
}

// parseIndex decodes an index that strictjson has accepted. Shards are plain names of .safetensors files: a path with
// folders could reach any file of the machine.
func parseIndex(data []byte) (map[string]string, error) {
	var top map[string]json.RawMessage // A struct would match "Weight_Map" too.
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, err
	}
	raw, ok := top["weight_map"]
	if !ok {
		return nil, errors.New("weight_map: missing")
	}
	var entries map[string]*string
	if err := json.Unmarshal(raw, &entries); err != nil {
		return nil, fmt.Errorf("weight_map: %w", err)
	}
	if len(entries) == 0 {
		return nil, errors.New("weight_map: want at least one tensor, have none")
	}
	weightMap := make(map[string]string, len(entries))
	shards := map[string]bool{}
	for tensor, file := range entries {
		if file == nil || !plainName(*file) {
			return nil, fmt.Errorf("weight_map: %q: want the name of a .safetensors file in the same folder, have %s",
				tensor, quote(file))
		}
		weightMap[tensor] = *file
		shards[*file] = true
	}
	if len(shards) > maxShards {
		return nil, fmt.Errorf("weight_map: want at most %d files, have %d", maxShards, len(shards))
	}
	return weightMap, nil
}

// WriteIndex makes the index file path, complete or not at all: weightMap has the file of each tensor, totalSize is the
// number of bytes of all tensors.
func WriteIndex(path string, weightMap map[string]string, totalSize int64) error {
	index := struct {
		Metadata  map[string]int64  `json:"metadata"`
		WeightMap map[string]string `json:"weight_map"`
	}{map[string]int64{"total_size": totalSize}, weightMap}
	b, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return fmt.Errorf("safetensors: write %s: %w", path, err)
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

func quote(s *string) string {
	if s == nil {
		return "null"
	}
	return fmt.Sprintf("%.80q", *s)
}

// plainName tells whether name is a .safetensors file of its folder on every system.
func plainName(name string) bool {
	return strings.HasSuffix(name, ".safetensors") && !strings.ContainsAny(name, "/\\:\x00") &&
		name != ".safetensors" && filepath.IsLocal(name)
}
