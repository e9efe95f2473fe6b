package lora

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// A layout says where each tensor of an adapter lies in a slab of float32. Parameters, gradients and both moments have
// a slab each with the same layout, so that the optimizer works on whole slabs. Tensors start at multiples of the
// device's alignment; the gaps between them stay zero in every slab.
type layout struct {
	slots    []slot
	index    map[string]int
	elements int // of the slab
	second   int // the first element of the second half: B and, after them, the biases
	decay    int // the first elements, which weight decay applies to
	align    int // elements
}

// A slot is the place of one tensor.
type slot struct {
	key    string // in adapter_model.safetensors
	spec   tensor.Spec
	offset int // elements
}

func newLayout(info kernel.Info) *layout {
	return &layout{index: map[string]int{}, align: int(max(1, info.Alignment/4))}
}

func (l *layout) add(key string, s tensor.Spec) {
	l.index[key] = len(l.slots)
	l.slots = append(l.slots, slot{key, s, l.elements})
	l.elements += (s.Len() + l.align - 1) / l.align * l.align
}

// addAdapter adds the tensors of an adapter on targets: all A first,
// then all B, then with DoRA the magnitudes, then biases.
func (l *layout) addAdapter(m *qwen2.Config, c *peft.Config, targets []string, dora bool) {
	for _, t := range targets {
		_, in := m.LinearShape(t)
		l.add(peft.Key(t, peft.PartA), tensor.Of(c.Rank(t), in))
	}
	l.second = l.elements
	for _, t := range targets {
		out, _ := m.LinearShape(t)
		l.add(peft.Key(t, peft.PartB), tensor.Of(out, c.Rank(t)))
	}
	if dora {
		for _, t := range targets {
			out, _ := m.LinearShape(t)
			l.add(peft.Key(t, peft.PartMagnitude), tensor.Of(out))
		}
	}
	l.decay = l.elements // as transformers' Trainer, which leaves out what has bias or norm in its name
	for _, key := range c.Biases(m.BiasedModules(), targets) {
		module, _, _ := peft.ParseKey(key)
		out, _ := m.LinearShape(module)
		l.add(key, tensor.Of(out))
	}
}

// ErrMisfit says that an adapter's tensors are not those that its configuration asks for on this model: mostly, that it
// was made for another one.
var ErrMisfit = errors.New("the tensors do not fit " + configFile + " and the model")

// told is how many of the tensors that do not fit are told one by one: an adapter of another model has hundreds.
const told = 4

// check compares the tensors of f with the layout, and reports what does not fit: the first few, then a count.
func (l *layout) check(f *safetensors.File) error {
	var bad []string
	for _, name := range f.Names() {
		if _, ok := l.index[name]; !ok {
			bad = append(bad, fmt.Sprintf("%s: want no such tensor by the adapter's configuration, have one", name))
		}
	}
	if bad = append(bad, l.missing(f)...); len(bad) == 0 {
		return nil
	}
	if more := len(bad) - told; more > 1 {
		bad = append(bad[:told], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("%w:\n  %s", ErrMisfit, strings.Join(bad, "\n  "))
}

// view returns the tensor of a slot in slab.
func (l *layout) view(slab *tensor.Tensor, i int) *tensor.Tensor {
	s := l.slots[i]
	return &tensor.Tensor{Spec: s.spec, Buffer: slab.Buffer, Offset: slab.Offset + 4*int64(s.offset)}
}

// params returns the number of parameters, gaps not counted.
func (l *layout) params() (n int64) {
	for _, s := range l.slots {
		n += int64(s.spec.Len())
	}
	return n
}

// missing tells which tensors are not in f or have another shape there.
func (l *layout) missing(f *safetensors.File) (bad []string) {
	for _, s := range l.slots {
		shape := s.shape()
		if t, ok := f.Tensor(s.key); !ok {
			bad = append(bad, fmt.Sprintf("%s: want %v, have no such tensor", s.key, shape))
		} else if !slices.Equal(t.Shape, shape) {
			bad = append(bad, fmt.Sprintf("%s: want %v, have %v", s.key, shape, t.Shape))
		}
	}
	return bad
}

// read fills slab from f, which missing has accepted.
func (l *layout) read(slab *tensor.Tensor, f *safetensors.File) error {
	for i, s := range l.slots {
		t, _ := f.Tensor(s.key)
		x := make([]float32, s.spec.Len())
		err := safetensors.Floats(t, x)
		if err == nil {
			err = l.view(slab, i).WriteFloats(x)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.key, err)
		}
	}
	return nil
}

// tensors reads slab back from the device.
func (l *layout) tensors(slab *tensor.Tensor) ([]safetensors.Tensor, error) {
	var all []safetensors.Tensor
	for i, s := range l.slots {
		x := make([]float32, s.spec.Len())
		if err := l.view(slab, i).ReadFloats(x); err != nil {
			return nil, fmt.Errorf("%s: %w", s.key, err)
		}
		all = append(all, safetensors.Tensor{Name: s.key, DType: "F32", Shape: s.shape(),
			Data: unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x))})
	}
	return all, nil
}

func (s *slot) shape() (shape []int) {
	for d := range s.spec.Rank() {
		shape = append(shape, s.spec.Dim(d))
	}
	return shape
}
