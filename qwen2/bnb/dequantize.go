package bnb

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/vulora/vulora/qwen2/safetensors"
)

// Dequantize writes the weights to dst [N, K] as float32: level·scale, rounded once. For NF4 and FP4 these are the
// numbers that bitsandbytes multiplies with in float32. An inconsistent m or another length of dst is an error.
func (m Matrix) Dequantize(dst []float32) error {
	if err := m.check(); err != nil {
		return fmt.Errorf("bnb: dequantize: %w", err)
	}
	if len(dst) != m.N*m.K {
		return fmt.Errorf("bnb: dequantize: want room for %d×%d, have %d", m.N, m.K, len(dst))
	}
	m.expand(0, dst)
	return nil
}

// DequantizeRows is Dequantize of len(dst)/K whole rows, from row first on. Rows that m does not have are an error.
func (m Matrix) DequantizeRows(first int, dst []float32) error {
	if err := m.check(); err != nil {
		return fmt.Errorf("bnb: dequantize rows: %w", err)
	}
	rows := len(dst) / m.K
	if len(dst)%m.K != 0 || first < 0 || rows > m.N || first > m.N-rows {
		return fmt.Errorf("bnb: dequantize rows: want whole rows of %d×%d, have row %d and room for %d elements",
			m.N, m.K, first, len(dst))
	}
	m.expand(first*m.K, dst)
	return nil
}

// DequantizeTo writes the weights to dst as little-endian elements of dtype F32, F16 or BF16, rounded to nearest, ties
// to even. With m.DType it is what bitsandbytes' dequantize_4bit returns. An inconsistent m, another dtype or another
// length of dst than N·K elements is an error.
func (m Matrix) DequantizeTo(dtype string, dst []byte) error {
	if err := m.check(); err != nil {
		return fmt.Errorf("bnb: dequantize: %w", err)
	}
	size, ok := sizes[dtype]
	if !ok {
		return fmt.Errorf("bnb: dequantize: want F32, F16 or BF16, have %q", dtype)
	}
	elements := m.N * m.K
	if len(dst) != elements*size {
		return fmt.Errorf("bnb: dequantize: want %d bytes for %d×%d %s, have %d", elements*size, m.N, m.K, dtype, len(dst))
	}
	buf := make([]float32, min(elements, 4096))
	for at := 0; at < elements; at += len(buf) {
		part := buf[:min(len(buf), elements-at)]
		m.expand(at, part)
		if err := narrow(dtype, part, dst[at*size:(at+len(part))*size]); err != nil {
			return fmt.Errorf("bnb: dequantize: %w", err)
		}
	}
	return nil
}

func narrow(dtype string, src []float32, dst []byte) error {
	switch dtype {
	case "BF16":
		return safetensors.ToBF16(src, dst)
	case "F16":
		return safetensors.ToF16(src, dst)
	}
	for i, f := range src {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(f))
	}
	return nil
}

// expand writes the elements from at on of a consistent matrix. It works scale by scale.
func (m Matrix) expand(at int, dst []float32) {
	block := BlockSize
	if m.Format == Int8 {
		block = m.K
	}
	levels := m.Format.Levels()
	var scale [1]float32
	for len(dst) > 0 {
		b := at / block
		m.scales(b, scale[:])
		part := dst[:min(len(dst), (b+1)*block-at)]
		if m.Format == Int8 {
			for i, q := range m.Packed[at : at+len(part)] {
				part[i] = float32(int8(q)) * scale[0]
			}
		} else {
			expandBlock(m.Packed, at, part, &levels, scale[0])
		}
		at, dst = at+len(part), dst[len(part):]
	}
}

// expandBlock writes the elements of one block, from element at of the matrix on.
func expandBlock(packed []byte, at int, dst []float32, levels *[16]float32, scale float32) {
	if at%2 == 1 && len(dst) > 0 {
		dst[0] = levels[packed[at/2]&15] * scale
		at, dst = at+1, dst[1:]
	}
	for packed = packed[at/2:]; len(dst) >= 2; packed, dst = packed[1:], dst[2:] {
		dst[0], dst[1] = levels[packed[0]>>4]*scale, levels[packed[0]&15]*scale
	}
	if len(dst) == 1 {
		dst[0] = levels[packed[0]>>4] * scale
	}
}
