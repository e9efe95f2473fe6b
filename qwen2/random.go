package qwen2

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/x448/float16"

	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/tensor"
)

// Random returns a model of c's sizes on d without a checkpoint: for measurements, in which it does not matter what the
// weights are but how many. Norms are 1, biases 0, and matrices as wide as transformers initialises them, in bfloat16
// unless o says otherwise; codes of quantised ones are any. Every matrix has memory of its own, which repeats one block
// of random numbers. With o.Outline nothing is written.
func Random(d tensor.Device, c Config, seed uint64, o LoadOptions) (*Model, error) {
	if err := o.settlePositions(&c); err != nil {
		return nil, fmt.Errorf("qwen2: random model: %w", err)
	}
	if !o.Convert {
		o.Convert, o.DType = true, tensor.BF16
	}
	m := &Model{Config: c, Device: d, Precision: o.Precision}
	var declared []safetensors.Tensor
	for _, p := range m.parts() {
		declared = append(declared, safetensors.Tensor{Name: p.name, DType: "BF16", Shape: p.shape})
	}
	m.files = safetensors.Declare(declared)
	empty := o.Outline
	o.Outline = true
	err := m.load(o)
	if err == nil && !empty {
		err = m.fill(rand.New(rand.NewPCG(seed, 0)))
	}
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("qwen2: random model: %w", err)
	}
	return m, nil
}

// deviation is that of weights as transformers initialises them (initializer_range in Qwen2.5's config.json).
const deviation = 0.02

// fill writes all weights of an outline.
func (m *Model) fill(r *rand.Rand) error {
	c := &m.Config
	all, norms := []matrix{m.embed}, []*tensor.Tensor{m.norm}
	if !c.Tied {
		all = append(all, m.head)
	}
	for _, l := range m.layers {
		all = append(all, l.qkv, l.o, l.gateUp, l.down)
		norms = append(norms, l.inputNorm, l.postNorm)
	}
	blocks := map[tensor.DType][]byte{}
	for _, w := range all {
		if blocks[w.w.DType] == nil {
			blocks[w.w.DType] = randomBlock(r, w.w.DType)
		}
		if err := w.fill(blocks[w.w.DType]); err != nil {
			return err
		}
	}
	for _, t := range norms {
		if err := t.WriteFloats(slices.Repeat([]float32{1}, t.Len())); err != nil {
			return err
		}
	}
	return m.rope.WriteFloats(tensor.RoPETable(m.Positions(), c.HeadDim, c.RopeTheta))
}

// fill writes block to m again and again.
func (m matrix) fill(block []byte) error {
	t := m.w
	for at := int64(0); at < t.Bytes(); at += int64(len(block)) {
		if err := t.Buffer.Write(t.Offset+at, block[:min(int64(len(block)), t.Bytes()-at)]); err != nil {
			return err
		}
	}
	if m.scales == nil {
		return nil
	}
	scale := float32(2 * deviation) // of codes that stand for numbers up to 1
	if t.DType == tensor.I8 {
		scale /= 127
	}
	return m.scales.WriteFloats(slices.Repeat([]float32{scale}, m.scales.Len()))
}

// randomBlock is the storage of normal numbers, or codes. Rows do not divide its length, so that they are not equal.
func randomBlock(r *rand.Rand, t tensor.DType) (b []byte) {
	const n = 1<<20 - 4
	for range n {
		x := float32(r.NormFloat64() * deviation)
		switch t {
		case tensor.NF4, tensor.FP4:
			b = append(b, byte(r.Uint32()))
		case tensor.I8:
			b = append(b, byte(int8(r.IntN(255)-127)))
		case tensor.BF16:
			b = binary.LittleEndian.AppendUint16(b, uint16(math.Float32bits(x)>>16))
		case tensor.F16:
			b = binary.LittleEndian.AppendUint16(b, float16.Fromfloat32(x).Bits())
		default:
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
	}
	return b
}
