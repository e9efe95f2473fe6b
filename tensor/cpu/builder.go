package cpu

import (
	"fmt"
	"math/bits"
	"unsafe"

	"github.com/vulora/vulora/tensor/kernel"
)

// A builder turns one launch into a closure. It checks operands as they are asked for and keeps the first error; a
// kernel's function takes all its operands, returns nil if ok is false, and only then computes with them.
type builder struct {
	p    *program
	v    *isa
	l    *kernel.Launch
	seen map[*buffer]bool
	err  error

	each, shared int // scratch, in float32 elements, for each worker and for all together
}

func (b *builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf(format, args...)
	}
}

func (b *builder) ok() bool { return b.err == nil }

// want fails unless the launch has so many outputs and inputs.
func (b *builder) want(out, in int) {
	if len(b.l.Out) != out || len(b.l.In) != in {
		b.fail("want %d outputs and %d inputs, had %d and %d", out, in, len(b.l.Out), len(b.l.In))
	}
}

// times multiplies sizes and saturates, so that a hostile product is too large for any operand.
func times(n ...uint32) uint64 {
	p := uint64(1)
	for _, x := range n {
		hi, lo := bits.Mul64(p, uint64(x))
		if hi != 0 {
			return 1 << 63
		}
		p = lo
	}
	return min(p, 1<<63)
}

// strided is the length of rows of cols elements at offset off, each ld after the previous.
func strided(rows, cols, ld, off uint32) uint64 {
	if rows == 0 || cols == 0 {
		return 0
	}
	return times(rows-1, ld) + uint64(off) + uint64(cols)
}

// inside fails unless columns off … off+cols−1 lie in rows of length stride.
func (b *builder) inside(what string, cols uint64, off, stride uint32) {
	if cols+uint64(off) > uint64(stride) {
		b.fail("want %s inside rows of %d, had columns %d … %d", what, stride, off, uint64(off)+cols)
	}
}

// raw returns the address of n elements of type t, or nil if r does not hold them.
func (b *builder) raw(name string, r kernel.Range, n uint64, t kernel.DType) unsafe.Pointer {
	if b.err != nil {
		return nil
	}
	if r.DType != t {
		b.fail("%s: want %v, had %v", name, t, r.DType)
		return nil
	}
	if n > maxAlloc || r.Bytes < t.Bytes(int64(n)) {
		b.fail("%s: want %d elements of %v, had %d bytes", name, n, t, r.Bytes)
		return nil
	}
	m, ok := r.Buffer.(*buffer)
	if !ok || m.d != b.p.d {
		b.fail("%s: want a buffer of this device, had %T", name, r.Buffer)
		return nil
	}
	if m.freed.Load() {
		b.fail("%s: want a live buffer, had a freed one", name)
		return nil
	}
	if r.Offset < 0 || r.Offset%alignment != 0 {
		b.fail("%s: want an offset that is a multiple of %d, had %d", name, alignment, r.Offset)
		return nil
	}
	if r.Bytes < 0 || r.Offset > m.bytes || r.Bytes > m.bytes-r.Offset {
		b.fail("%s: want a range inside %d bytes, had offset %d, %d bytes", name, m.bytes, r.Offset, r.Bytes)
		return nil
	}
	if !b.seen[m] {
		b.seen[m] = true
	}
	if r.Bytes == 0 || m.d.dry {
		return nil
	}
	return unsafe.Pointer(&m.data[r.Offset])
}

// view is r as n elements of type E, stored as t.
func view[E float32 | int32 | uint32](b *builder, name string, r kernel.Range, n uint64, t kernel.DType) []E {
	p := b.raw(name, r, n, t)
	if p == nil || n == 0 {
		return nil
	}
	return unsafe.Slice((*E)(p), n)
}

func (b *builder) f32(name string, r kernel.Range, n uint64) []float32 {
	return view[float32](b, name, r, n, kernel.F32)
}

func (b *builder) i32(name string, r kernel.Range, n uint64) []int32 {
	return view[int32](b, name, r, n, kernel.I32)
}

// A weight is a row-major matrix in its stored type.
type weight struct {
	p      unsafe.Pointer
	dtype  kernel.DType   // F32, F16, BF16, NF4, FP4 or I8
	ld     int            // elements from one row to the next
	scales unsafe.Pointer // of codes: float32
	blocks int            // scales from one row to the next
}

// at returns the address of element (row, col), nil in an empty matrix. The column of a code of 4 bits is even.
func (w weight) at(row, col int) unsafe.Pointer {
	if w.p == nil {
		return nil
	}
	return unsafe.Add(w.p, w.dtype.Bytes(int64(row*w.ld+col)))
}

// weight returns the matrix whose operands begin with in[0]; scales follow codes.
func (b *builder) weight(name string, in []kernel.Range, rows, cols uint32) weight {
	t := in[0].DType
	switch t {
	case kernel.F32, kernel.F16, kernel.BF16, kernel.I8:
	case kernel.NF4, kernel.FP4:
		if cols%kernel.BlockSize != 0 {
			b.fail("%s: want rows of a multiple of %d codes, had %d", name, kernel.BlockSize, cols)
		}
	default:
		b.fail("%s: want f32, f16, bf16, nf4, fp4 or int8, had %v", name, t)
	}
	if b.err != nil {
		return weight{}
	}
	w := weight{p: b.raw(name, in[0], times(rows, cols), t), dtype: t, ld: int(cols)}
	if t.Quantized() {
		blocks := uint32(1)
		if t != kernel.I8 {
			blocks = cols / kernel.BlockSize
		}
		w.blocks = int(blocks)
		w.scales = address(b.f32(name+"'s scales", in[1], times(rows, blocks)), 0)
	}
	return w
}

// scales is the number of operands that follow input i as its scales.
func (b *builder) scales(i int) int {
	if i < len(b.l.In) && b.l.In[i].DType.Quantized() {
		return 1
	}
	return 0
}

// kernel builds the launch's closure.
func (b *builder) kernel() func() {
	switch s := b.l.Sizes.(type) {
	case kernel.GatherRows:
		return gatherRows(b, s)
	case kernel.ScatterRows:
		return scatterRows(b, s)
	case kernel.Linear:
		return linear(b, s)
	case kernel.LinearBack:
		return linearBack(b, s)
	case kernel.MatMul:
		return matMul(b, s)
	case kernel.RMSNorm:
		return rmsNorm(b, s)
	case kernel.AddRMSNorm:
		return addRMSNorm(b, s)
	case kernel.RMSNormBack:
		return rmsNormBack(b, s)
	case kernel.RMSNormBackWeight:
		return rmsNormBackWeight(b, s)
	case kernel.RoPE:
		return rope(b, s)
	case kernel.Attention:
		return attention(b, s)
	case kernel.AttentionBackQ:
		return attentionBackQ(b, s)
	case kernel.AttentionBackKV:
		return attentionBackKV(b, s)
	case kernel.CacheWrite:
		return cacheWrite(b, s)
	case kernel.SwiGLU:
		return swiGLU(b, s)
	case kernel.SwiGLUBack:
		return swiGLUBack(b, s)
	case kernel.CrossEntropy:
		return crossEntropy(b, s)
	case kernel.Sum:
		return sum(b, s)
	case kernel.SumRows:
		return sumRows(b, s)
	case kernel.AddBias:
		return addBias(b, s)
	case kernel.Dropout:
		return dropout(b, s)
	case kernel.Noise:
		return noise(b, s)
	case kernel.Add:
		return add(b, s)
	case kernel.Scale:
		return scale(b, s)
	case kernel.Copy:
		return copyWords(b, s)
	case kernel.Accumulate:
		return accumulate(b, s)
	case kernel.GradNorm:
		return gradNorm(b, s)
	case kernel.Clip:
		return clip(b, s)
	case kernel.AdamW:
		return adamW(b, s)
	case kernel.SGD:
		return sgd(b, s)
	case kernel.SGDMomentum:
		return sgdMomentum(b, s)
	case kernel.Lion:
		return lion(b, s)
	case kernel.AdafactorMeans:
		return adafactorMeans(b, s)
	case kernel.AdafactorParts:
		return adafactorParts(b, s)
	case kernel.AdafactorRate:
		return adafactorRate(b, s)
	case kernel.AdafactorStep:
		return adafactorStep(b, s)
	case kernel.AdafactorMomentum:
		return adafactorMomentum(b, s)
	case kernel.ArgMax:
		return argMax(b, s)
	case kernel.Peak:
		return peak(b, s)
	}
	b.fail("want a kernel of package kernel, had %T", b.l.Sizes)
	return nil
}
