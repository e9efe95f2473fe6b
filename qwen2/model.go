package qwen2

import (
	"errors"
	"fmt"

	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/qwen2/packcache"
	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// A Model is a Qwen2 model on a device.
type Model struct {
	Config Config
	Device kernel.Device
	// Precision says what matrix products with the base weights and those of attention multiply: kernel.Exact or
	// kernel.RoundBF16.
	Precision uint32

	embed, head matrix         // [V, C]; one and the same if the head is tied
	norm        *tensor.Tensor // [C]
	layers      []layer
	rope        *tensor.Tensor // [P, D]
	owned       []*tensor.Tensor
	files       *safetensors.Model
	kept        []*packcache.Entry // mapped quantised weights
	params      int64
	own         tensor.DType // what the embedding is stored as or converted to, and so were codes before
}

// layer holds one block's weights. q|k|v and gate|up are one matrix each.
type layer struct {
	inputNorm, postNorm *tensor.Tensor // [C]
	qkv                 matrix         // [(H+2K)·D, C]
	qkvBias             *tensor.Tensor // [(H+2K)·D]
	o                   matrix         // [C, H·D]
	gateUp, down        matrix         // [2F, C], [C, F]
}

// A matrix is a frozen weight: values, or codes and their scales.
type matrix struct{ w, scales *tensor.Tensor }

// LoadOptions of Load; the zero value keeps the weights as they are stored.
type LoadOptions struct {
	// Quantize makes the linear layers of the blocks 4-bit or 8-bit while they are loaded, one matrix at a time; Head
	// does it to the embedding and the output head, and can be bnb.Int8. Norms stay as they are. DoubleQuant rounds the
	// scales as bitsandbytes does to store them in 8 bits; here they are kept in 32. What is quantised in the checkpoint
	// already cannot be quantised again.
	Quantize    bnb.Format
	Head        bnb.Format
	DoubleQuant bool
	// Cache is a folder where quantised layers are kept, laid out as devices read them, for the next time the same
	// weights are wanted in the same format (see package packcache); empty for none. Note, if there is one, is told what
	// went wrong with it; loading goes on without.
	Cache     string
	Note      func(text string)
	Precision uint32       // see Model
	Convert   bool         // convert weights to DType
	DType     tensor.DType // F32, F16 or BF16, if Convert is set
	Outline   bool         // take memory for the weights, and read none: for a device that has no memory
	Positions int          // longest sequence that will be used; 0 means the model's own limit, at most DefaultPositions
}

// DefaultPositions bounds the table of rotary angles where LoadOptions does not say how long sequences will be.
const DefaultPositions = 32768

// Load loads the checkpoint in dir onto d. On a device that computes in the host's memory the weights stay in the
// mapped files where their layout allows it: the files must not be changed until Close.
func Load(d kernel.Device, dir string, o LoadOptions) (*Model, error) {
	c, err := ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	if err := o.settlePositions(c); err != nil {
		return nil, fmt.Errorf("qwen2: load %s: %w", dir, err)
	}
	files, err := safetensors.OpenModel(dir)
	if err != nil {
		return nil, err
	}
	m := &Model{Config: *c, Device: d, Precision: o.Precision, files: files}
	if err := m.load(o); err != nil {
		m.Close()
		return nil, fmt.Errorf("qwen2: load %s: %w", dir, err)
	}
	return m, nil
}

func (o *LoadOptions) settlePositions(c *Config) error {
	if o.Positions > c.MaxPositions {
		return fmt.Errorf("want at most the model's %d positions, have %d", c.MaxPositions, o.Positions)
	}
	if o.Positions <= 0 {
		o.Positions = min(c.MaxPositions, DefaultPositions)
	}
	return nil
}

// Params returns the number of parameters; a tied head counts once.
func (m *Model) Params() int64 { return m.params }

// FastestPrecision returns the fastest precision of products that keeps to the weights' own: kernel.RoundBF16 where
// they are bfloat16, or were before they were quantised, and the device multiplies that.
func (m *Model) FastestPrecision() uint32 {
	if m.own == tensor.BF16 && m.Device.Info().BF16 {
		return kernel.RoundBF16
	}
	return kernel.Exact
}

// Positions returns the length of the longest sequence that the model was loaded for.
func (m *Model) Positions() int { return m.rope.Dim(0) }

// Close frees the weights and unmaps the files. It may be called more than once.
func (m *Model) Close() error {
	for _, t := range m.owned {
		t.Free()
	}
	m.owned = nil
	var err error
	for _, e := range m.kept {
		err = errors.Join(err, e.Close())
	}
	if m.files != nil {
		err = errors.Join(err, m.files.Close())
	}
	m.kept, m.files = nil, nil
	return err
}
