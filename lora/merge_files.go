package lora

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/atomicfile"
	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/qwen2/safetensors"
)

// The files of a checkpoint, as transformers names them.
const (
	modelConfigFile = "config.json"
	modelFile       = "model.safetensors"
	modelIndexFile  = "model.safetensors.index.json"
)

// TokenizerFiles are what a checkpoint's tokenizer may consist of.
var TokenizerFiles = []string{"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
	"vocab.json", "merges.txt", "chat_template.jinja", "chat_template.json"}

// besideWeights are what a checkpoint has besides its configuration and weights.
var besideWeights = append([]string{"generation_config.json"}, TokenizerFiles...)

// A shard is a file of the result.
type shard struct {
	name    string
	sources []safetensors.Source
}

// shards returns the files of the result, which are those of the base.
func (m *merger) shards() (all []shard, err error) {
	for _, name := range m.base.Names() {
		t, _ := m.base.Tensor(name)
		if weight, _, part := cutLast(name, ".weight."); part && bnb.Quantized(m.base.Tensor, weight+".weight") {
			continue // scales and tables of a 4-bit weight
		}
		out := safetensors.Source{Name: name, DType: t.DType, Shape: t.Shape}
		if bnb.Quantized(m.base.Tensor, name) {
			q, err := bnb.Decode(m.base.Tensor, name)
			if err != nil {
				return nil, err
			}
			if t := m.targets[name]; t != nil {
				if n, k := m.config.LinearShape(t.module); q.N != n || q.K != k {
					return nil, fmt.Errorf("%s: want [%d %d], have [%d %d]", name, n, k, q.N, q.K)
				}
			}
			out.DType, out.Shape = q.DType, []int{q.N, q.K}
		}
		if _, float := floatSizes[out.DType]; float && m.o.DType != "" {
			out.DType = m.o.DType
		}
		dtype, shape := out.DType, out.Shape
		out.Write = func(w io.Writer) error { return m.tensor(name, dtype, shape, w) }
		file := m.base.File(name)
		if len(all) == 0 || all[len(all)-1].name != file {
			all = append(all, shard{name: file})
		}
		last := &all[len(all)-1]
		last.sources = append(last.sources, out)
	}
	for _, s := range all {
		slices.SortFunc(s.sources, safetensors.FileOrder)
	}
	return all, nil
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// tensor writes one tensor of the result.
func (m *merger) tensor(name, dtype string, shape []int, w io.Writer) error {
	t, _ := m.base.Tensor(name)
	defer safetensors.Release(t.Data)
	if x, ok := m.biases[name]; ok {
		row := mergeRow{in: slices.Clone(x), out: make([]byte, len(x)*floatSizes[dtype]), dtype: dtype}
		if _, _, err := row.merge(nil, 0, make([]float64, len(x))); err != nil {
			return err
		}
		_, err := w.Write(row.out)
		return err
	}
	target := m.targets[name]
	if target == nil && dtype == t.DType {
		if err := m.ctx.Err(); err != nil {
			return err
		}
		_, err := w.Write(t.Data)
		return err
	}
	s := &mergeSource{t: t, rows: 1, cols: 1}
	for i, d := range shape {
		if i < len(shape)-1 {
			s.rows *= d
		} else {
			s.cols = d
		}
	}
	if bnb.Quantized(m.base.Tensor, name) {
		q, err := bnb.Decode(m.base.Tensor, name)
		if err != nil {
			return err
		}
		s.q = &q
	}
	return m.writeRows(w, s, dtype, target)
}

// write makes the folder output and everything in it.
func (m *merger) write(output, adapter string) (err error) {
	shards, err := m.shards()
	if err != nil {
		return err
	}
	config, err := m.mergedConfig()
	if err != nil {
		return err
	}
	d := &outputFolder{dir: output}
	if err := d.open(m.names(shards), m.o.Overwrite, m.dir, adapter); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			d.undo()
		}
	}()
	index, total := map[string]string{}, int64(0)
	for _, s := range shards {
		if err := safetensors.WriteStream(d.path(s.name), s.sources, nil); err != nil {
			return err
		}
		info, err := os.Stat(filepath.Join(output, s.name))
		if err != nil {
			return err
		}
		m.report.Bytes += info.Size()
		for _, t := range s.sources {
			n, err := t.Bytes()
			if err != nil {
				return err
			}
			index[t.Name] = s.name
			total += int64(n)
		}
	}
	if len(shards) > 1 || shards[0].name != modelFile {
		if err := safetensors.WriteIndex(d.path(modelIndexFile), index, total); err != nil {
			return err
		}
	}
	for _, name := range besideWeights {
		err := copyFile(filepath.Join(m.dir, name), d, name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := d.clean(); err != nil {
		return err
	}
	return atomicfile.Write(d.path(modelConfigFile), func(w io.Writer) error {
		_, err := w.Write(config)
		return err
	})
}

// names returns what write may write.
func (m *merger) names(shards []shard) []string {
	names := append([]string{modelConfigFile, modelIndexFile}, besideWeights...)
	for _, s := range shards {
		names = append(names, s.name)
	}
	return names
}

func copyFile(from string, d *outputFolder, name string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return atomicfile.Write(d.path(name), func(w io.Writer) error {
		_, err := io.Copy(w, f)
		return err
	})
}

// mergedConfig returns config.json of the result: that of the base, with the type that its weights now have.
func (m *merger) mergedConfig() ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(m.dir, modelConfigFile))
	if err != nil || m.o.DType == "" && !m.o.Dequantize {
		return text, err
	}
	return qwen2.EditConfig(m.dir, func(fields map[string]any) error {
		if m.o.Dequantize {
			delete(fields, "quantization_config")
		}
		if name, ok := map[string]string{"F32": "float32", "F16": "float16", "BF16": "bfloat16"}[m.o.DType]; ok {
			key := "torch_dtype"
			if _, v5 := fields["dtype"]; v5 {
				key = "dtype"
			}
			fields[key] = name
		}
		return nil
	})
}
