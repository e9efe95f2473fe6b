package qwen2

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/vulora/vulora/qwen2/atomicfile"
	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/qwen2/strictjson"
)

// QuantizeOptions of QuantizeCheckpoint.
type QuantizeOptions struct {
	Format      bnb.Format // NF4 or FP4
	DoubleQuant bool       // scales in 8 bits
}

// Quantized is what QuantizeCheckpoint did.
type Quantized struct {
	Matrices      int   // quantised
	Before, After int64 // bytes of all tensors
}

// QuantizeCheckpoint writes model.safetensors and config.json to the folder output: the checkpoint in dir as
// transformers saves it when bitsandbytes has quantised it to 4 bits. The linear layers of the blocks are quantised,
// embedding, head, biases and norms stay as they are, and config.json gets a quantization_config.
//
// The quantised matrices are in memory together, a quarter of their size in 16 bits, because double quantisation makes
// the length of their quant_state known last; everything else is copied out of the mapped files. config.json, without
// which nothing loads the folder, comes last. A checkpoint that is quantised already, another format and a weight that
// is not finite or has rows that are no multiple of 64 elements are errors, before anything is written.
func QuantizeCheckpoint(ctx context.Context, dir, output string, o QuantizeOptions) (*Quantized, error) {
	if o.Format != bnb.NF4 && o.Format != bnb.FP4 {
		return nil, fmt.Errorf("qwen2: quantize: want nf4 or fp4, have %v", o.Format)
	}
	c, err := ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	config, err := quantizedConfig(dir, o)
	if err != nil {
		return nil, fmt.Errorf("qwen2: quantize %s: %w", dir, err)
	}
	files, err := safetensors.OpenModel(dir)
	if err != nil {
		return nil, err
	}
	m := &Model{Config: *c, files: files}
	defer m.Close()
	done := new(Quantized)
	sources, err := m.quantizedSources(ctx, o, done)
	if err != nil {
		return nil, fmt.Errorf("qwen2: quantize %s: %w", dir, err)
	}
	if err := safetensors.WriteStream(filepath.Join(output, "model.safetensors"), sources, nil); err != nil {
		return nil, err
	}
	return done, atomicfile.Write(filepath.Join(output, configFile), func(w io.Writer) error {
		_, err := w.Write(config)
		return err
	})
}

// errQuantized is for checkpoints that would be quantised a second time.
var errQuantized = errors.New("want 16- or 32-bit weights to quantise, have quantised ones")

// quantizedSources returns the tensors of the new file in its order.
func (m *Model) quantizedSources(ctx context.Context, o QuantizeOptions, done *Quantized) (sources []safetensors.Source,
	err error) {
	for _, name := range m.files.Names() {
		if bnb.Quantized(m.files.Tensor, name) {
			return nil, fmt.Errorf("%s: %w", name, errQuantized)
		}
	}
	if err := m.checkTensors(); err != nil {
		return nil, err
	}
	linear := map[string]part{}
	for i := range m.Config.Layers {
		p := m.layerParts(i)
		for _, q := range slices.Concat(p.qkv[:], []part{p.o}, p.gateUp[:], []part{p.down}) {
			linear[q.name] = q
		}
	}
	l := &loader{m: m, o: LoadOptions{DoubleQuant: o.DoubleQuant}}
	for _, name := range m.files.Names() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t, _ := m.files.Tensor(name)
		done.Before += int64(len(t.Data))
		tensors := []safetensors.Tensor{t}
		if p, ok := linear[name]; ok {
			q, err := l.quantizeRows(o.Format, p, 0, p.shape[0])
			if err != nil {
				return nil, err
			}
			if tensors, err = bnb.Encode(q, name); err != nil {
				return nil, err
			}
			done.Matrices++
		}
		for _, t := range tensors {
			done.After += int64(len(t.Data))
			sources = append(sources, safetensors.Source{Name: t.Name, DType: t.DType, Shape: t.Shape,
				Write: func(w io.Writer) error {
					if err := ctx.Err(); err != nil {
						return err
					}
					_, err := w.Write(t.Data)
					return err
				}})
		}
	}
	slices.SortFunc(sources, safetensors.FileOrder)
	return sources, nil
}

// quantizedConfig returns config.json of the new checkpoint: that in dir and a quantization_config.
func quantizedConfig(dir string, o QuantizeOptions) ([]byte, error) {
	return EditConfig(dir, func(fields map[string]any) error {
		const key = "quantization_config"
		if fields[key] != nil {
			return fmt.Errorf("%s: %s: %w", configFile, key, errQuantized)
		}
		fields[key] = map[string]any{ // as transformers 5.23 writes it
			"_load_in_4bit":                    true,
			"_load_in_8bit":                    false,
			"bnb_4bit_compute_dtype":           "float32",
			"bnb_4bit_quant_storage":           "uint8",
			"bnb_4bit_quant_type":              o.Format.String(),
			"bnb_4bit_use_double_quant":        o.DoubleQuant,
			"llm_int8_enable_fp32_cpu_offload": false,
			"llm_int8_has_fp16_weight":         false,
			"llm_int8_skip_modules":            nil,
			"llm_int8_threshold":               json.Number("6.0"),
			"load_in_4bit":                     true,
			"load_in_8bit":                     false,
			"quant_method":                     "bitsandbytes",
		}
		return nil
	})
}

// EditConfig returns what config.json in dir is once edit has changed its fields, with sorted keys as transformers
// writes them. Numbers are json.Number, so that 1e-06 stays 1e-06.
func EditConfig(dir string, edit func(fields map[string]any) error) ([]byte, error) {
	text, err := strictjson.ReadFile(filepath.Join(dir, configFile), maxConfigBytes, maxConfigDepth)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&fields); err != nil {
		return nil, fmt.Errorf("%s: %w", configFile, err)
	}
	if err := edit(fields); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err = e.Encode(fields)
	return b.Bytes(), err
}
