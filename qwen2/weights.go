package qwen2

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"unsafe"

	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// A part is one tensor of the checkpoint.
type part struct {
	name  string
	shape []int
}

// load fills m from m.files. Every missing or misshapen tensor is in one error.
func (m *Model) load(o LoadOptions) error {
	if err := m.checkTensors(); err != nil {
		return err
	}
	c := &m.Config
	l := &loader{m: m, o: o}
	if t, ok := m.files.Tensor(m.embedPart().name); ok {
		m.own = dtypes[t.DType]
	}
	if o.Convert {
		m.own = o.DType
	}
	l.openPacked()
	m.embed = l.head(m.embedPart())
	m.head = m.embed
	if !c.Tied {
		m.head = l.head(m.headPart())
	}
	m.norm = l.vector(m.normPart())
	for i := range c.Layers {
		p := m.layerParts(i)
		m.layers = append(m.layers, layer{
			inputNorm: l.vector(p.inputNorm), postNorm: l.vector(p.postNorm),
			qkv: l.linear(p.qkv[:]...), qkvBias: l.vector(p.qkvBias[:]...), o: l.linear(p.o),
			gateUp: l.linear(p.gateUp[:]...), down: l.linear(p.down),
		})
	}
	if l.err != nil {
		return l.err
	}
	m.rope = l.floats("rope table", tensor.Of(o.Positions, c.HeadDim), func() []float32 {
		return tensor.RoPETable(o.Positions, c.HeadDim, c.RopeTheta)
	})
	return l.err
}

// layerParts are the checkpoint's names and shapes of one block.
type layerParts struct {
	inputNorm, postNorm part
	qkv, qkvBias        [3]part
	o                   part
	gateUp              [2]part
	down                part
}

func (m *Model) layerParts(i int) layerParts {
	c := &m.Config
	p := fmt.Sprintf("model.layers.%d.", i)
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	return layerParts{
		inputNorm: part{p + "input_layernorm.weight", []int{c.Hidden}},
		postNorm:  part{p + "post_attention_layernorm.weight", []int{c.Hidden}},
		qkv: [3]part{{p + "self_attn.q_proj.weight", []int{q, c.Hidden}},
			{p + "self_attn.k_proj.weight", []int{kv, c.Hidden}},
			{p + "self_attn.v_proj.weight", []int{kv, c.Hidden}}},
		qkvBias: [3]part{{p + "self_attn.q_proj.bias", []int{q}}, {p + "self_attn.k_proj.bias", []int{kv}},
			{p + "self_attn.v_proj.bias", []int{kv}}},
		o: part{p + "self_attn.o_proj.weight", []int{c.Hidden, q}},
		gateUp: [2]part{{p + "mlp.gate_proj.weight", []int{c.Intermediate, c.Hidden}},
			{p + "mlp.up_proj.weight", []int{c.Intermediate, c.Hidden}}},
		down: part{p + "mlp.down_proj.weight", []int{c.Hidden, c.Intermediate}},
	}
}

func (m *Model) embedPart() part {
	return part{"model.embed_tokens.weight", []int{m.Config.Vocab, m.Config.Hidden}}
}
func (m *Model) headPart() part {
	return part{"lm_head.weight", []int{m.Config.Vocab, m.Config.Hidden}}
}
func (m *Model) normPart() part { return part{"model.norm.weight", []int{m.Config.Hidden}} }

// parts lists every tensor that the model needs, in the order of the modules.
func (m *Model) parts() []part {
	all := []part{m.embedPart()}
	for i := range m.Config.Layers {
		p := m.layerParts(i)
		for j := range p.qkv {
			all = append(all, p.qkv[j], p.qkvBias[j])
		}
		all = append(all, p.o, p.gateUp[0], p.gateUp[1], p.down, p.inputNorm, p.postNorm)
	}
	all = append(all, m.normPart())
	if !m.Config.Tied {
		all = append(all, m.headPart())
	}
	return all
}

// checkTensors counts the parameters, and reports every tensor that is missing, misshapen or of a type that is
// not a float's.
func (m *Model) checkTensors() error {
	var bad []string
	for _, p := range m.parts() {
		n := int64(1)
		for _, d := range p.shape {
			n *= int64(d)
		}
		m.params += n
		t, ok := m.files.Tensor(p.name)
		switch {
		case bnb.Quantized(m.files.Tensor, p.name): // its parts are checked when it is decoded
		case !ok:
			bad = append(bad, fmt.Sprintf("%s: want %v, have no such tensor", p.name, p.shape))
		case !slices.Equal(t.Shape, p.shape):
			bad = append(bad, fmt.Sprintf("%s: %s: want %v, have %v", m.files.File(p.name), p.name, p.shape, t.Shape))
		case !isFloat(t.DType):
			bad = append(bad, fmt.Sprintf("%s: %s: want F32, F16 or BF16, have %s", m.files.File(p.name), p.name, t.DType))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	sort.Strings(bad)
	return fmt.Errorf("the checkpoint does not fit its config.json:\n  %s", strings.Join(bad, "\n  "))
}

func isFloat(dtype string) bool { _, ok := dtypes[dtype]; return ok }

var dtypes = map[string]tensor.DType{"F32": tensor.F32, "F16": tensor.F16, "BF16": tensor.BF16}

// A loader makes tensors of the checkpoint's; its first error sticks.
type loader struct {
	m   *Model
	o   LoadOptions
	err error
}

// matrix returns the parts stacked in one matrix, of their own type or of the one asked for.
func (l *loader) matrix(parts ...part) *tensor.Tensor {
	t := l.tensors(parts)
	want := dtypes[t[0].DType]
	for _, p := range t[1:] {
		if p.DType != t[0].DType {
			want = tensor.F32
		}
	}
	if l.o.Convert {
		want = l.o.DType
	}
	return l.stack(parts, t, want)
}

// vector returns the parts one after the other, in float32.
func (l *loader) vector(parts ...part) *tensor.Tensor {
	return l.stack(parts, l.tensors(parts), tensor.F32)
}

func (l *loader) tensors(parts []part) []safetensors.Tensor {
	t := make([]safetensors.Tensor, len(parts))
	for i, p := range parts {
		t[i], _ = l.m.files.Tensor(p.name)
	}
	return t
}

func (l *loader) stack(parts []part, t []safetensors.Tensor, want tensor.DType) *tensor.Tensor {
	if l.err != nil {
		return nil
	}
	rows, same := 0, true
	for i, p := range parts {
		rows += p.shape[0]
		same = same && dtypes[t[i].DType] == want
	}
	s := tensor.Spec{Shape: tensor.Dims(append([]int{rows}, parts[0].shape[1:]...)...), DType: want}
	if data, ok := adjacent(t); ok && same {
		return l.own(parts[0].name, func() (*tensor.Tensor,
			error) {
			return tensor.Import(l.m.Device, s, data, kernel.Weights)
		})
	}
	out := l.own(parts[0].name, func() (*tensor.Tensor, error) { return tensor.New(l.m.Device, s, kernel.Weights) })
	at := int64(0)
	for i := range parts {
		if l.err != nil || l.o.Outline {
			return out
		}
		data, err := convert(t[i], want)
		if err == nil {
			err = out.Buffer.Write(at, data)
		}
		if err != nil {
			l.err = fmt.Errorf("%s: %w", parts[i].name, err)
			return nil
		}
		at += int64(len(data))
		l.release(parts[i])
	}
	return out
}

// release lets the system have the memory of a part that was copied out of the mapped file.
func (l *loader) release(p part) {
	if t, ok := l.m.files.Tensor(p.name); ok {
		safetensors.Release(t.Data)
	}
}

func (l *loader) floats(name string, s tensor.Spec, x func() []float32) *tensor.Tensor {
	t := l.own(name, func() (*tensor.Tensor, error) { return tensor.New(l.m.Device, s, kernel.Weights) })
	if l.err == nil && !l.o.Outline {
		l.err = t.WriteFloats(x())
	}
	return t
}

func (l *loader) own(name string, alloc func() (*tensor.Tensor, error)) *tensor.Tensor {
	if l.err != nil {
		return nil
	}
	t, err := alloc()
	if err != nil {
		l.err = fmt.Errorf("%s: %w", name, err)
		return nil
	}
	l.m.owned = append(l.m.owned, t)
	return t
}

// adjacent returns the data of tensors that lie one right after the other in one file. gate_proj and up_proj often do.
func adjacent(t []safetensors.Tensor) ([]byte, bool) {
	n := len(t[0].Data)
	if n == 0 {
		return nil, false
	}
	first := unsafe.Pointer(unsafe.SliceData(t[0].Data))
	for _, p := range t[1:] {
		if unsafe.Pointer(unsafe.SliceData(p.Data)) != unsafe.Add(first, n) {
			return nil, false
		}
		n += len(p.Data)
	}
	// Only data of one mapping can be adjacent: anything between two mappings would have to be mapped as well, and
	// every file begins with its header.
	return unsafe.Slice((*byte)(first), n), uintptr(first)%4 == 0
}

// convert returns t's data in the wanted type.
func convert(t safetensors.Tensor, want tensor.DType) ([]byte, error) {
	if dtypes[t.DType] == want {
		return t.Data, nil
	}
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	x := make([]float32, n)
	if err := safetensors.Floats(t, x); err != nil {
		return nil, err
	}
	switch want {
	case tensor.F32:
		return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*n), nil
	case tensor.BF16:
		b := make([]byte, 2*n)
		return b, safetensors.ToBF16(x, b)
	default:
		b := make([]byte, 2*n)
		return b, safetensors.ToF16(x, b)
	}
}
