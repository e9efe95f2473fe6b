package lora

import (
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
