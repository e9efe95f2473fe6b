package qwen2

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// A quantised checkpoint gives the logits of the one it was made of when that is quantised while it is loaded.
func TestQuantizeCheckpoint(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		for _, name := range []string{"model-tiny", "model-untied-sharded"} {
			model := filepath.Join("testdata", name, "model")
			for _, o := range []QuantizeOptions{{bnb.NF4, false}, {bnb.FP4, false}, {bnb.NF4, true}, {bnb.FP4, true}} {
				dir := t.TempDir()
				done, err := QuantizeCheckpoint(context.Background(), model, dir, o)
				if err != nil {
					t.Fatal(err)
				}
				want, _ := keptLogits(t, d, model, LoadOptions{Quantize: o.Format, DoubleQuant: o.DoubleQuant})
				have, _ := keptLogits(t, d, dir, LoadOptions{})
				if !slices.Equal(have, want) {
					t.Errorf("%s, %v: other logits than of quantising while loading", name, o)
				}
				c, err := ReadConfig(dir)
				if err != nil || done.Matrices != 7*c.Layers || done.After >= done.Before {
					t.Errorf("%s, %v: have %+v (%v), want %d matrices", name, o, *done, err, 7*c.Layers)
				}
			}
		}
	})
}

// model-tiny is what the golden was made of: every tensor and config.json must be those that transformers saved, but
// for the scales of double quantisation: see compareNested.
func TestQuantizeCheckpointGolden(t *testing.T) {
	golden, dir := filepath.Join(golden("bnb-4bit"), "nf4-dq-f32", "model"), t.TempDir()
	_, err := QuantizeCheckpoint(context.Background(), filepath.Join("testdata", "model-tiny", "model"), dir,
		QuantizeOptions{Format: bnb.NF4, DoubleQuant: true})
	if err != nil {
		t.Fatal(err)
	}
	have := openGolden(t, filepath.Join(dir, "model.safetensors"))
	want := openGolden(t, filepath.Join(golden, "model.safetensors"))
	if !slices.Equal(have.Names(), want.Names()) {
		t.Fatalf("have %v, want %v", have.Names(), want.Names())
	}
	for _, name := range want.Names() {
		x, _ := have.Tensor(name)
		y, _ := want.Tensor(name)
		weight, suffix, quantized := strings.Cut(name, ".weight.")
		state := quantized && strings.HasPrefix(suffix, "quant_state")
		ofMean := state || quantized && strings.HasSuffix(suffix, "absmax")
		if x.DType != y.DType || !state && !slices.Equal(x.Shape, y.Shape) ||
			!ofMean && !bytes.Equal(x.Data, y.Data) {
			t.Errorf("%s: have %s %v, want %s %v with the same data", name, x.DType, x.Shape, y.DType, y.Shape)
		}
		if state {
			compareNested(t, have, want, weight+".weight")
		}
	}
	var a, b any
	readJSON(t, filepath.Join(dir, "config.json"), &a)
	readJSON(t, filepath.Join(golden, "config.json"), &b)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("config.json: have %v, want %v", a, b)
	}
}

// compareNested compares doubly quantised scales. The mean that they are told from is summed in another order than
// torch's, 1e-6 relative as the goldens say. bitsandbytes saved the golden on a CPU, whose 8-bit codes of numbers in
// the middle between two levels are not CUDA's, which are those made here: one in fifty may be the neighbour.
func compareNested(t *testing.T, have, want *safetensors.File, weight string) {
	t.Helper()
	x, err := bnb.Decode(have.Tensor, weight)
	if err != nil {
		t.Fatal(err)
	}
	y, err := bnb.Decode(want.Tensor, weight)
	if err != nil {
		t.Fatal(err)
	}
	near := func(a, b float32) bool { return math.Abs(float64(a-b)) <= 1e-6*float64(y.Nested.Offset) }
	ok := x.DType == y.DType && near(x.Nested.Offset, y.Nested.Offset) &&
		slices.EqualFunc(x.Nested.Absmax, y.Nested.Absmax, near)
	differ := 0
	for i, c := range x.Nested.Codes {
		d := int(c) - int(y.Nested.Codes[i])
		ok = ok && -1 <= d && d <= 1
		differ += d * d
	}
	if !ok || 50*differ > len(x.Nested.Codes) {
		t.Errorf("%s: %d of %d codes differ, have scales %+v, want %+v", weight, differ, len(x.Nested.Codes), *x.Nested,
			*y.Nested)
	}
}

func TestQuantizeCheckpointRefuses(t *testing.T) {
	const name = "model.layers.1.mlp.up_proj.weight"
	tiny := filepath.Join("testdata", "model-tiny", "model")
	infinite := rewrite(t, func(all []safetensors.Tensor) []safetensors.Tensor {
		i := slices.IndexFunc(all, func(x safetensors.Tensor) bool { return x.Name == name })
		all[i].Data = slices.Clone(all[i].Data)
		binary.LittleEndian.PutUint32(all[i].Data[4*5:], math.Float32bits(float32(math.Inf(1))))
		return all
	})
	lacking := rewrite(t, func(all []safetensors.Tensor) []safetensors.Tensor {
		return slices.DeleteFunc(all, func(x safetensors.Tensor) bool { return x.Name == name })
	})
	unsaid, quantized := t.TempDir(), filepath.Join(golden("bnb-4bit"), "nf4-dq-f32", "model")
	if err := os.CopyFS(unsaid, os.DirFS(quantized)); err != nil { // quantised, but config.json does not say so
		t.Fatal(err)
	}
	var config map[string]any
	readJSON(t, filepath.Join(unsaid, "config.json"), &config)
	delete(config, "quantization_config")
	text, err := json.Marshal(config)
	if err == nil {
		err = os.Remove(filepath.Join(unsaid, "config.json"))
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(unsaid, "config.json"), text, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir    string
		format bnb.Format
		want   string
	}{
		{tiny, bnb.Int8, "want nf4 or fp4, have int8"},
		{tiny, 0, "want nf4 or fp4"},
		{quantized, bnb.NF4, "quantization_config: want 16- or 32-bit weights to quantise"},
		{unsaid, bnb.NF4, "model.layers.0.mlp.down_proj.weight: want 16- or 32-bit weights to quantise"},
		{infinite, bnb.NF4, name + ": row 0, column 5: want a finite weight"},
		{lacking, bnb.NF4, name + ": want [320 128], have no such tensor"},
	} {
		out := t.TempDir()
		_, err := QuantizeCheckpoint(context.Background(), c.dir, out, QuantizeOptions{Format: c.format})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %s", err, c.want)
		}
		if entries, _ := os.ReadDir(out); len(entries) != 0 {
			t.Errorf("%s: %v was written", c.want, entries)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := QuantizeCheckpoint(ctx, tiny, t.TempDir(), QuantizeOptions{Format: bnb.NF4}); !errors.Is(err,
		context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
	if _, err := QuantizeCheckpoint(context.Background(), tiny, filepath.Join(t.TempDir(), "none"),
		QuantizeOptions{Format: bnb.NF4}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: error %v", err)
	}
}
