package qwen2

import (
	"fmt"
	"unsafe"

	"github.com/vulora/vulora/autograd"
	"github.com/vulora/vulora/qwen2/bnb"
)

// rowsAtOnce are quantised together where rows do not depend on each other, so that the embedding, the largest matrix
// by far, never exists twice.
const rowsAtOnce = 192

// head returns the embedding or the output head, in int8 if the options say so.
func (l *loader) head(p part) matrix {
	stored := bnb.Quantized(l.m.files.Tensor, p.name)
	switch {
	case l.err != nil:
		return matrix{}
	case l.o.Head != 0 && l.o.Head != bnb.Int8:
		l.err = fmt.Errorf("%s: want int8 or none for the head, have %v", p.name, l.o.Head)
		return matrix{}
	case l.o.Head != 0 && stored:
		l.err = fmt.Errorf("%s: want a 16- or 32-bit weight to quantise, have a quantised one", p.name)
		return matrix{}
	case l.o.Head != 0:
		if m, ok := l.imported(bnb.Int8, p); ok {
			return m
		}
		return l.int8(p)
	case stored:
		return l.linear(p)
	}
	return matrix{w: l.matrix(p)}
}

// int8 quantises p some rows at a time.
func (l *loader) int8(p part) (out matrix) {
	l.allocate(&out, []part{p}, bnb.Int8)
	if l.o.Outline {
		return out
	}
	for first := 0; first < p.shape[0] && l.err == nil; first += rowsAtOnce {
		var q bnb.Matrix
		if q, l.err = l.quantizeRows(bnb.Int8, p, first, min(first+rowsAtOnce, p.shape[0])); l.err != nil {
			break
		}
		if err := out.writeInt8(q, first); err != nil {
			l.err = fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return out
}

// writeInt8 writes rows of a weight to m from row first on.
func (m *matrix) writeInt8(q bnb.Matrix, first int) error {
	scales, err := q.Scales()
	if err != nil {
		return err
	}
	if err := m.w.Buffer.Write(int64(first)*int64(q.K), q.Packed); err != nil {
		return err
	}
	return m.scales.Buffer.Write(4*int64(first), unsafe.Slice((*byte)(unsafe.Pointer(&scales[0])), 4*len(scales)))
}

func (m matrix) quantized() bool { return m.scales != nil }

// operands returns m as ops take it.
func (m matrix) operands(t *autograd.Tape) []*autograd.Var {
	if m.scales == nil {
		return []*autograd.Var{t.Const(m.w)}
	}
	return []*autograd.Var{t.Const(m.w), t.Const(m.scales)}
}
