package qwen2

import (
	"fmt"
	"unsafe"

	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// quantTypes are the storage types of the formats.
var quantTypes = map[bnb.Format]tensor.DType{bnb.NF4: tensor.NF4, bnb.FP4: tensor.FP4, bnb.Int8: tensor.I8}

// linear returns a linear layer of the blocks, quantised if the checkpoint or the options say so.
func (l *loader) linear(parts ...part) matrix {
	stored := 0
	for _, p := range parts {
		if bnb.Quantized(l.m.files.Tensor, p.name) {
			stored++
		}
	}
	switch {
	case l.err != nil:
		return matrix{}
	case stored == 0 && l.o.Quantize == 0:
		return matrix{w: l.matrix(parts...)}
	case stored > 0 && l.o.Quantize != 0:
		l.err = fmt.Errorf("%s: want a 16- or 32-bit weight to quantise, have a quantised one", parts[0].name)
		return matrix{}
	case stored > 0 && stored < len(parts):
		l.err = fmt.Errorf("%s: want all of the layer's parts quantised or none, have %d of %d", parts[0].name, stored,
			len(parts))
		return matrix{}
	}
	if m, ok := l.imported(l.o.Quantize, parts...); ok {
		return m
	}
	var out matrix
	if l.o.Outline && stored == 0 {
		l.allocate(&out, parts, l.o.Quantize)
		return out
	}
	row := 0
	for _, p := range parts {
		row = l.quantized(&out, parts, p, row)
	}
	return out
}

// quantized writes one part, from row on, to out, which it allocates for all parts with the first, and returns the row
// after it.
func (l *loader) quantized(out *matrix, parts []part, p part, row int) int {
	if l.err != nil {
		return row
	}
	m, err := l.codes(p)
	if err != nil {
		l.err = err
		return row
	}
	if out.w == nil {
		l.allocate(out, parts, m.Format)
	}
	if l.err != nil || l.o.Outline {
		return row
	}
	defer l.release(p)
	scales, err := m.Scales()
	if err == nil && l.err == nil && quantTypes[m.Format] != out.w.DType {
		err = fmt.Errorf("want the layer's parts in one format, have %v after %v", m.Format, out.w.DType)
	}
	if err == nil && l.err == nil {
		err = out.w.Buffer.Write(out.w.DType.Bytes(int64(row)*int64(m.K)), m.Packed)
	}
	if err == nil && l.err == nil {
		at := 4 * int64(row) * int64(len(scales)/m.N)
		err = out.scales.Buffer.Write(at, unsafe.Slice((*byte)(unsafe.Pointer(&scales[0])), 4*len(scales)))
	}
	if err != nil {
		l.err = fmt.Errorf("%s: %w", p.name, err)
	}
	return row + m.N
}

// codes returns a part as it is stored quantised, or quantises it.
func (l *loader) codes(p part) (bnb.Matrix, error) {
	if l.o.Quantize != 0 {
		return l.quantizeRows(l.o.Quantize, p, 0, p.shape[0])
	}
	m, err := bnb.Decode(l.m.files.Tensor, p.name)
	switch {
	case err != nil:
		return m, err
	case m.N != p.shape[0] || m.K != p.shape[1]:
		return m, fmt.Errorf("%s: want %v, have [%d %d]", p.name, p.shape, m.N, m.K)
	}
	return m, nil
}

// quantizeRows quantises the rows first to last-1 of a part, and lets go of what it has read. Errors name the part.
func (l *loader) quantizeRows(f bnb.Format, p part, first, last int) (bnb.Matrix, error) {
	t, _ := l.m.files.Tensor(p.name)
	if f != bnb.Int8 && p.shape[1]%bnb.BlockSize != 0 {
		return bnb.Matrix{}, fmt.Errorf("%s: want rows of a multiple of %d elements, have %d", p.name, bnb.BlockSize,
			p.shape[1])
	}
	size := len(t.Data) / p.shape[0]
	t.Shape, t.Data = []int{last - first, p.shape[1]}, t.Data[first*size:last*size]
	defer safetensors.Release(t.Data)
	m, err := bnb.QuantizeTensor(f, t, bnb.Options{DoubleQuant: l.o.DoubleQuant && f != bnb.Int8})
	if err != nil && first > 0 {
		err = fmt.Errorf("rows from %d on: %w", first, err)
	}
	return m, err
}

func (l *loader) allocate(out *matrix, parts []part, f bnb.Format) {
	if m := (bnb.Matrix{Format: f, K: parts[0].shape[1]}); m.BlocksCrossRows() {
		l.err = fmt.Errorf("%s: want rows of a multiple of %d elements, have %d", parts[0].name, bnb.BlockSize, m.K)
		return
	}
	codes, scales := packedSpecs(parts, f)
	out.w = l.own(parts[0].name, func() (*tensor.Tensor, error) { return tensor.New(l.m.Device, codes, kernel.Weights) })
	out.scales = l.own(parts[0].name, func() (*tensor.Tensor, error) {
		return tensor.New(l.m.Device, scales, kernel.Weights)
	})
}

// packedSpecs are the codes and scales of a layer's parts, stacked.
//
//	codes: [N, K], scales: [N, K/64], or [N] of 8-bit codes
func packedSpecs(parts []part, f bnb.Format) (codes, scales tensor.Spec) {
	rows, k := 0, parts[0].shape[1]
	for _, p := range parts {
		rows += p.shape[0]
	}
	codes = tensor.Spec{Shape: tensor.Dims(rows, k), DType: quantTypes[f]}
	if f == bnb.Int8 {
		return codes, tensor.Of(rows)
	}
	return codes, tensor.Of(rows, k/kernel.BlockSize)
}
