package lora

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"unsafe"

	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/atomicfile"
	"github.com/vulora/vulora/qwen2/safetensors"
)

// The files of an adapter's directory, as PEFT names them.
const (
	configFile  = "adapter_config.json"
	weightsFile = "adapter_model.safetensors"
	cardFile    = "README.md"
)

// maxConfigBytes bounds adapter_config.json; real ones have one or two kilobytes.
const maxConfigBytes = 1 << 20

// ReadConfig reads adapter_config.json in dir. The warnings name settings that are not known and were ignored.
func ReadConfig(dir string) (c *peft.Config, warnings []string, err error) {
	path := filepath.Join(dir, configFile)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("lora: %s: want an adapter directory with %s, have none: %w", dir, configFile, err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("lora: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err != nil {
		return nil, nil, fmt.Errorf("lora: %s: %w", path, err)
	}
	if len(b) > maxConfigBytes {
		return nil, nil, fmt.Errorf("lora: %s: want at most %d bytes, have more", path, maxConfigBytes)
	}
	c, warnings, err = peft.Parse(b)
	if err != nil {
		return nil, nil, fmt.Errorf("lora: %s: %w", path, err)
	}
	return c, warnings, nil
}

// LoadAdapter reads the adapter in dir for m. All tensors that are missing, misshapen or not expected are in one error.
func LoadAdapter(m *qwen2.Model, dir string) (a *Adapter, warnings []string, err error) {
	c, warnings, err := ReadConfig(dir)
	if err != nil {
		return nil, nil, err
	}
	f, err := safetensors.Open(filepath.Join(dir, weightsFile))
	if err != nil {
		return nil, nil, fmt.Errorf("lora: adapter: %w", err)
	}
	defer f.Close()
	if a, err = layOut(m, *c); err != nil {
		return nil, nil, fmt.Errorf("lora: %s: %w", dir, err)
	}
	if err := a.layout.check(f); err != nil { // before memory is taken for what only the configuration says
		return nil, nil, fmt.Errorf("lora: %s: %w", filepath.Join(dir, weightsFile), err)
	}
	if err := a.allocate(); err != nil {
		return nil, nil, err
	}
	if err := a.read(f); err != nil {
		a.Close()
		return nil, nil, fmt.Errorf("lora: %s: %w", filepath.Join(dir, weightsFile), err)
	}
	return a, warnings, nil
}

// read fills the slab from f, which the layout's check has accepted.
func (a *Adapter) read(f *safetensors.File) error {
	for i, s := range a.layout.slots {
		t, _ := f.Tensor(s.key)
		x := make([]float32, s.spec.Len())
		if err := safetensors.Floats(t, x); err != nil {
			return fmt.Errorf("%s: %w", s.key, err)
		}
		if err := a.params[i].WriteFloats(x); err != nil {
			return fmt.Errorf("%s: %w", s.key, err)
		}
	}
	return nil
}

// Save writes the adapter to dir as PEFT does, with card as its README.md. Each file is complete or not there at all,
// and the configuration, which goes first where there is one, comes last: a directory that has one has the weights.
func (a *Adapter) Save(dir string, card peft.Card) error {
	config, err := a.Config.Marshal()
	if err != nil {
		return err
	}
	readme, err := card.README(&a.Config)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("lora: save: %w", err)
	}
	tensors, err := a.tensors()
	if err != nil {
		return fmt.Errorf("lora: save %s: %w", dir, err)
	}
	if err := os.Remove(filepath.Join(dir, configFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("lora: save: %w", err)
	}
	if err := safetensors.Write(filepath.Join(dir, weightsFile), tensors, nil); err != nil {
		return fmt.Errorf("lora: save: %w", err)
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{cardFile, readme}, {configFile, config}} {
		err := atomicfile.Write(filepath.Join(dir, f.name), func(w io.Writer) error {
			_, err := w.Write(f.data)
			return err
		})
		if err != nil {
			return fmt.Errorf("lora: save: %w", err)
		}
	}
	return nil
}

// tensors reads the adapter back from the device.
func (a *Adapter) tensors() ([]safetensors.Tensor, error) {
	var all []safetensors.Tensor
	for i, s := range a.layout.slots {
		x := make([]float32, s.spec.Len())
		if err := a.params[i].ReadFloats(x); err != nil {
			return nil, fmt.Errorf("%s: %w", s.key, err)
		}
		t := safetensors.Tensor{Name: s.key, DType: "F32", Data: unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x))}
		for d := range s.spec.Rank() {
			t.Shape = append(t.Shape, s.spec.Dim(d))
		}
		all = append(all, t)
	}
	return all, nil
}
