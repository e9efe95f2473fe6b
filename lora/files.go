package lora

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/vulora/vulora/lora/checkpoint"
	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/atomicfile"
	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/tensor/kernel"
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

// CheckAdapter tells what keeps the adapter in dir from being one of a model of the shapes of m, as [LoadAdapter] does
// but without a model. Errors: [ErrMisfit] among others.
func CheckAdapter(m *qwen2.Config, dir string) error {
	c, _, err := ReadConfig(dir)
	if err != nil {
		return err
	}
	targets, _, err := peft.Match(c, m.Modules())
	if err != nil {
		return fmt.Errorf("lora: %s: %w", dir, err)
	}
	f, err := safetensors.Open(filepath.Join(dir, weightsFile))
	if err != nil {
		return fmt.Errorf("lora: adapter: %w", err)
	}
	defer f.Close()
	l := newLayout(kernel.Info{})
	l.addAdapter(m, c, targets, false)
	if err := l.check(f); err != nil {
		return fmt.Errorf("lora: %s: %w", filepath.Join(dir, weightsFile), err)
	}
	return nil
}

// LoadAdapter reads the adapter in dir for m. Tensors that are missing, misshapen or not expected are one error,
// [ErrMisfit].
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
	if err := a.layout.read(a.slab, f); err != nil {
		a.Close()
		return nil, nil, fmt.Errorf("lora: %s: %w", filepath.Join(dir, weightsFile), err)
	}
	return a, warnings, nil
}

// Save writes the adapter to dir as PEFT does, with card as its README.md, in place of one that is there. All files are
// written before the first of the old ones goes, so that a full disk costs nothing, and the configuration comes last:
// a directory that has one has the weights.
func (a *Adapter) Save(dir string, card peft.Card) error {
	err := checkpoint.Replace(dir, configFile, a.fileBytes(), func(dir string) error { return a.write(dir, card) })
	if err != nil {
		return fmt.Errorf("lora: save: %w", err)
	}
	return nil
}

// fileBytes is about how much the files of the adapter take.
func (a *Adapter) fileBytes() int64 { return 4*a.Params() + 1<<16 }

// write writes the adapter's files to dir.
func (a *Adapter) write(dir string, card peft.Card) error {
	config, err := a.Config.Marshal()
	if err != nil {
		return err
	}
	readme, err := card.README(&a.Config)
	if err != nil {
		return err
	}
	tensors, err := a.layout.tensors(a.slab)
	if err != nil {
		return err
	}
	if err := safetensors.Write(filepath.Join(dir, weightsFile), tensors, nil); err != nil {
		return err
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
			return err
		}
	}
	return nil
}
