package bnb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/vulora/vulora/qwen2/safetensors"
)

// Lookup returns the tensor of a name, and whether there is one; safetensors.Model.Tensor is a Lookup.
type Lookup func(name string) (safetensors.Tensor, bool)

// stateName is what the name of a quantised weight is followed by for its quant_state.
func stateName(f Format) string { return ".quant_state.bitsandbytes__" + f.String() }

// Quantized tells whether weight is a 4-bit weight of bitsandbytes: whether it has a quant_state.
func Quantized(tensors Lookup, weight string) bool {
	for _, f := range []Format{NF4, FP4} {
		if _, ok := tensors(weight + stateName(f)); ok {
			return true
		}
	}
	return false
}

// Decode reads the 4-bit weight W = weight of a checkpoint that transformers saved with bitsandbytes:
//
//	W: U8 [ceil(N·K/2), 1]
//	W.quant_state.bitsandbytes__nf4 or __fp4: U8, JSON
//	W.quant_map: F32 [16]
//	W.absmax: F32 [Blocks], or U8 [Blocks] with the following two
//	W.nested_absmax: F32 [ceil(Blocks/256)]
//	W.nested_quant_map: F32 [256]
//
// The result aliases W and a U8 absmax. Anything missing, of another dtype or shape, a block size other than 64 (256
// of the nested absmax), a quant_map other than the format's, a nested_quant_map further than rounding from DynamicMap
// and a number that is not finite or, as absmax, negative is an error; it tells all tensors that are wrong.
func Decode(tensors Lookup, weight string) (Matrix, error) {
	m, err := decode(tensors, weight)
	if err != nil {
		return Matrix{}, fmt.Errorf("bnb: decode %s: %w", weight, err)
	}
	return m, nil
}

func decode(tensors Lookup, weight string) (Matrix, error) {
	state, err := findState(tensors, weight)
	if err != nil {
		return Matrix{}, err
	}
	m := Matrix{Format: state.format, N: state.n, K: state.k, DType: state.dtype}
	r := reader{tensors: tensors, weight: weight}
	m.Packed = r.bytes("", "U8", ceilDiv(m.N*m.K, 2), 1)
	levels := m.Format.Levels()
	if have := r.floats(".quant_map", 16); have != nil && !slices.Equal(have, levels[:]) {
		r.fail(".quant_map", "want the levels of %v, have %v", m.Format, have)
	}
	if !state.nested {
		m.Absmax = r.floats(".absmax", m.Blocks())
		r.magnitudes(".absmax", m.Absmax)
		return m, r.err()
	}
	m.Nested = &Nested{Offset: state.offset}
	m.Nested.Codes = r.bytes(".absmax", "U8", m.Blocks())
	m.Nested.Absmax = r.floats(".nested_absmax", ceilDiv(m.Blocks(), nestedBlockSize))
	r.magnitudes(".nested_absmax", m.Nested.Absmax)
	if have := r.floats(".nested_quant_map", 256); have != nil {
		m.Nested.Map = r.nestedMap(have)
	}
	return m, r.err()
}

// findState reads the one quant_state that a 4-bit weight has.
func findState(tensors Lookup, weight string) (quantState, error) {
	var found []Format
	var t safetensors.Tensor
	for _, f := range []Format{NF4, FP4} {
		if have, ok := tensors(weight + stateName(f)); ok {
			found, t = append(found, f), have
		}
	}
	if len(found) != 1 {
		return quantState{}, fmt.Errorf("want one of %s and %s, have %d", stateName(NF4), stateName(FP4), len(found))
	}
	name := stateName(found[0])
	if t.DType != "U8" || len(t.Shape) != 1 || t.Shape[0] != len(t.Data) {
		return quantState{}, fmt.Errorf("%s: want U8 of one dimension, have %s %v", name, t.DType, t.Shape)
	}
	state, err := parseState(t.Data)
	if err != nil {
		return quantState{}, fmt.Errorf("%s: %w", name, err)
	}
	if state.format != found[0] {
		return quantState{}, fmt.Errorf("%s: want quant_type %v as in the name, have %v", name, found[0], state.format)
	}
	return state, nil
}

// reader fetches tensors that belong to a weight and remembers what is wrong with them.
type reader struct {
	tensors Lookup
	weight  string
	errs    []error
}

func (r *reader) fail(suffix, format string, a ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s: "+format, append([]any{r.weight + suffix}, a...)...))
}

func (r *reader) err() error { return errors.Join(r.errs...) }

// bytes returns the data of a tensor of the dtype and shape, or nil.
func (r *reader) bytes(suffix, dtype string, shape ...int) []byte {
	t, ok := r.tensors(r.weight + suffix)
	if !ok {
		r.fail(suffix, "want %s %v, have no such tensor", dtype, shape)
		return nil
	}
	size := 1
	if dtype == "F32" {
		size = 4
	}
	for _, d := range shape {
		size *= d // shape comes from a checked element count: no overflow
	}
	if t.DType != dtype || !slices.Equal(t.Shape, shape) || len(t.Data) != size {
		r.fail(suffix, "want %s %v, have %s %v of %d bytes", dtype, shape, t.DType, t.Shape, len(t.Data))
		return nil
	}
	return t.Data
}

// floats returns the n finite numbers of an F32 tensor, or nil.
func (r *reader) floats(suffix string, n int) []float32 {
	data := r.bytes(suffix, "F32", n)
	if data == nil {
		return nil
	}
	v := make([]float32, n)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		if f := float64(v[i]); math.IsNaN(f) || math.IsInf(f, 0) {
			r.fail(suffix, "element %d: want a finite number, have %v", i, f)
			return nil
		}
	}
	return v
}

func (r *reader) magnitudes(suffix string, v []float32) {
	if i := slices.IndexFunc(v, func(f float32) bool { return f < 0 }); i >= 0 {
		r.fail(suffix, "element %d: want a magnitude, have %v", i, v[i])
	}
}

// nestedMap returns the map of a checkpoint, nil when it is DynamicMap. Versions of torch round its last bits
// differently; the weights were quantised with theirs, so theirs is kept.
func (r *reader) nestedMap(have []float32) *[256]float32 {
	want := dynamicMap()
	same := true
	for i, w := range want {
		same = same && math.Float32bits(have[i]) == math.Float32bits(w)
		if math.Abs(float64(have[i])-float64(w)) > 1e-6*math.Abs(float64(w)) {
			r.fail(".nested_quant_map", "element %d: want %v, have %v", i, w, have[i])
			return nil
		}
	}
	if same {
		return nil
	}
	return (*[256]float32)(have)
}

// Encode returns the tensors that transformers saves for the 4-bit weight m named weight: the inverse of Decode, byte
// for byte. Packed bytes and nested codes are m's own. Int8, whose checkpoints have another form, and an inconsistent m
// are errors.
func Encode(m Matrix, weight string) ([]safetensors.Tensor, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("bnb: encode %s: %w", weight, err)
	}
	if m.Format == Int8 {
		return nil, fmt.Errorf("bnb: encode %s: want nf4 or fp4, have int8", weight)
	}
	if _, ok := sizes[m.DType]; !ok {
		return nil, fmt.Errorf("bnb: encode %s: want a dtype F32, F16 or BF16, have %q", weight, m.DType)
	}
	state := quantState{format: m.Format, dtype: m.DType, n: m.N, k: m.K}
	levels := m.Format.Levels()
	for i := range levels {
		levels[i] += 0 // bitsandbytes' map has 0 where the kernels have -0.
	}
	tensors := []safetensors.Tensor{
		{Name: weight, DType: "U8", Shape: []int{len(m.Packed), 1}, Data: m.Packed},
		floatTensor(weight+".quant_map", levels[:]),
	}
	if d := m.Nested; d != nil {
		if f := float64(d.Offset); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("bnb: encode %s: want a finite nested offset, have %v", weight, f)
		}
		state.nested, state.offset = true, d.Offset
		tensors = append(tensors,
			safetensors.Tensor{Name: weight + ".absmax", DType: "U8", Shape: []int{len(d.Codes)}, Data: d.Codes},
			floatTensor(weight+".nested_absmax", d.Absmax),
			floatTensor(weight+".nested_quant_map", d.levels()[:]))
	} else {
		tensors = append(tensors, floatTensor(weight+".absmax", m.Absmax))
	}
	data := state.encode()
	return append(tensors, safetensors.Tensor{
		Name: weight + stateName(m.Format), DType: "U8", Shape: []int{len(data)}, Data: data}), nil
}

func floatTensor(name string, v []float32) safetensors.Tensor {
	data := make([]byte, 4*len(v))
	for i, f := range v {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(f))
	}
	return safetensors.Tensor{Name: name, DType: "F32", Shape: []int{len(v)}, Data: data}
}
