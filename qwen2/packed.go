package qwen2

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unsafe"

	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/qwen2/packcache"
	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// packedLayout is the version of what packedSpecs and sources agree on, and of the codes that package bnb makes.
const packedLayout = "1"

// A packing is a set of matrices that are kept together.
type packing struct {
	form   string // for packcache.Key
	format bnb.Format
	groups [][]part // the parts of each matrix
}

// packings lists what the options ask to quantise: the blocks' linear layers, and the head.
func (l *loader) packings() (all []packing) {
	m := l.m
	if f := l.o.Quantize; f != 0 {
		p := packing{form: f.String(), format: f}
		if l.o.DoubleQuant && f != bnb.Int8 {
			p.form += " double"
		}
		for i := range m.Config.Layers {
			parts := m.layerParts(i)
			p.groups = append(p.groups, parts.qkv[:], []part{parts.o}, parts.gateUp[:], []part{parts.down})
		}
		all = append(all, p)
	}
	if l.o.Head == bnb.Int8 {
		p := packing{form: "head int8", format: bnb.Int8, groups: [][]part{{m.embedPart()}}}
		if !m.Config.Tied {
			p.groups = append(p.groups, []part{m.headPart()})
		}
		all = append(all, p)
	}
	return all
}

// openPacked opens the quantised weights that an earlier load has kept, or makes and keeps them. What is not wanted or
// cannot be kept is left to be quantised in memory.
func (l *loader) openPacked() {
	wanted := l.packings()
	if l.o.Cache == "" || l.o.Outline || len(wanted) == 0 || l.storedQuantized(wanted) {
		return
	}
	cache, files := packcache.Cache{Dir: l.o.Cache}, l.m.files.Files()
	content := cache.Checkpoint(files)
	for _, p := range wanted {
		if e := l.openPacking(cache, packcache.Key{Content: content, Form: p.form + " " + packedLayout}, files, p); e != nil {
			l.m.kept = append(l.m.kept, e)
		}
	}
}

func (l *loader) openPacking(c packcache.Cache, k packcache.Key, files []*safetensors.File,
	p packing) *packcache.Entry {
	if l.err != nil {
		return nil
	}
	kept, err := l.openEntry(c, k, p)
	if err == nil {
		return kept
	}
	if !errors.Is(err, fs.ErrNotExist) {
		l.note("the quantised weights that were kept are made anew: %v", err)
	}
	if err = c.Write(k, files, l.sources(p)); err == nil {
		kept, err = l.openEntry(c, k, p)
	}
	if err != nil && l.err == nil {
		l.note("the quantised weights cannot be kept for the next time: %v", err)
	}
	return kept
}

func (l *loader) note(format string, v ...any) {
	if l.o.Note != nil {
		l.o.Note(fmt.Sprintf(format, v...))
	}
}

// storedQuantized tells whether a part is quantised in the checkpoint: an error that its layer tells.
func (l *loader) storedQuantized(wanted []packing) bool {
	for _, p := range wanted {
		for _, parts := range p.groups {
			for _, x := range parts {
				if bnb.Quantized(l.m.files.Tensor, x.name) {
					return true
				}
			}
		}
	}
	return false
}

func packedName(parts []part) string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.name
	}
	return strings.Join(names, "|")
}

// storedSpec says how the cache stores a tensor: dtype and shape of the file format, which has no 4-bit codes.
func storedSpec(s tensor.Spec) (dtype string, shape []int) {
	for i := range s.Rank() {
		shape = append(shape, s.Dim(i))
	}
	switch s.DType {
	case tensor.F32:
		return "F32", shape
	case tensor.I8:
		return "I8", shape
	}
	shape[1] /= 2
	return "U8", shape
}

// sources makes the matrices one after the other: of each first the codes, then the scales. A weight that cannot be
// quantised sets l.err.
func (l *loader) sources(p packing) (all []safetensors.Source) {
	for _, parts := range p.groups {
		var scales []float32
		codes, scale := packedSpecs(parts, p.format)
		dtype, shape := storedSpec(codes)
		all = append(all, safetensors.Source{Name: packedName(parts) + ".codes", DType: dtype, Shape: shape,
			Write: func(w io.Writer) (err error) {
				scales, err = l.writeCodes(w, p.format, parts)
				return err
			}})
		dtype, shape = storedSpec(scale)
		all = append(all, safetensors.Source{Name: packedName(parts) + ".scales", DType: dtype, Shape: shape,
			Write: func(w io.Writer) error {
				_, err := w.Write(unsafe.Slice((*byte)(unsafe.Pointer(&scales[0])), 4*len(scales)))
				scales = nil
				return err
			}})
	}
	return all
}

// writeCodes quantises parts and returns their scales. Of 8-bit codes only some rows are in memory.
func (l *loader) writeCodes(w io.Writer, f bnb.Format, parts []part) (scales []float32, err error) {
	for _, p := range parts {
		step := p.shape[0]
		if f == bnb.Int8 {
			step = rowsAtOnce
		}
		for first := 0; first < p.shape[0]; first += step {
			m, err := l.quantizeRows(f, p, first, min(first+step, p.shape[0]))
			if err != nil {
				l.err = err
				return nil, err
			}
			s, err := m.Scales()
			if err != nil {
				return nil, err
			}
			scales = append(scales, s...)
			if _, err := w.Write(m.Packed); err != nil {
				return nil, err
			}
		}
	}
	return scales, nil
}

// openEntry opens an entry if it has just the matrices of p.
func (l *loader) openEntry(c packcache.Cache, k packcache.Key, p packing) (*packcache.Entry, error) {
	e, err := c.Open(k)
	if err != nil {
		return nil, err
	}
	for _, s := range l.sources(p) {
		t, ok := e.Tensor(s.Name)
		if have, want := fmt.Sprint(t.DType, t.Shape), fmt.Sprint(s.DType, s.Shape); !ok || have != want {
			e.Close()
			return nil, fmt.Errorf("%s: want %s, have %s", s.Name, want, have)
		}
	}
	return e, nil
}

// imported returns a matrix that was kept, and whether it was; a device that computes in the host's memory reads it
// where it is mapped.
func (l *loader) imported(f bnb.Format, parts ...part) (m matrix, ok bool) {
	name := packedName(parts)
	codes, scales := packedSpecs(parts, f)
	for _, e := range l.m.kept {
		if _, ok := e.Tensor(name + ".codes"); !ok {
			continue
		}
		take := func(suffix string, s tensor.Spec) *tensor.Tensor {
			t, _ := e.Tensor(name + suffix)
			return l.own(parts[0].name, func() (*tensor.Tensor, error) {
				x, err := tensor.Import(l.m.Device, s, t.Data, kernel.Weights)
				if l.m.Device.Info().Kind != "cpu" { // it has a copy
					safetensors.Release(t.Data)
				}
				return x, err
			})
		}
		return matrix{w: take(".codes", codes), scales: take(".scales", scales)}, true
	}
	return matrix{}, false
}
