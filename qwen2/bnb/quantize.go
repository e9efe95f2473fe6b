package bnb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/vulora/vulora/qwen2/safetensors"
)

// Options are how to quantise. The zero value is bitsandbytes' plain format on all processors.
type Options struct {
	DoubleQuant bool // NF4 and FP4: quantise the absmax as well (compress_statistics)
	Workers     int  // goroutines; 0 means GOMAXPROCS
}

// Quantize returns the row-major matrix w of n rows and k columns in format f.
//
// NF4 and FP4 follow CUDA's kQuantizeBlockwise: x = w·(1/absmax) in float32 for each block of 64 elements, then the
// thresholds. Blocks go on across rows where k is not a multiple of 64, and the last may be short. Int8 is
// kInt8VectorQuant without outliers: w·(127/absmax of the row) rounded to the nearest integer, ties to even; unlike
// Linear8bitLt it does not round w to float16 before.
//
// A NaN or an infinite weight is an error that names the first one's row and column, counted from 0. Another number of
// elements than n·k, an unknown format and DoubleQuant of Int8 are errors.
func Quantize(f Format, w []float32, n, k int, o Options) (Matrix, error) {
	m, err := quantize(f, source{floats: w, count: len(w)}, Matrix{N: n, K: k, DType: "F32"}, o)
	if err != nil {
		return Matrix{}, fmt.Errorf("bnb: quantize: %w", err)
	}
	return m, nil
}

// QuantizeTensor is Quantize of a tensor [n, k] of dtype F32, F16 or BF16. Only a few thousand elements at a time (for
// Int8, a row) exist as float32. Errors name the tensor.
func QuantizeTensor(f Format, t safetensors.Tensor, o Options) (Matrix, error) {
	fail := func(err error) (Matrix, error) { return Matrix{}, fmt.Errorf("bnb: quantize %s: %w", t.Name, err) }
	size, ok := sizes[t.DType]
	if !ok {
		return fail(fmt.Errorf("want F32, F16 or BF16, have %q", t.DType))
	}
	if len(t.Shape) != 2 {
		return fail(fmt.Errorf("want a matrix, have shape %v", t.Shape))
	}
	if len(t.Data)%size != 0 {
		return fail(fmt.Errorf("want whole elements of %d bytes, have %d bytes", size, len(t.Data)))
	}
	src := source{data: t.Data, dtype: t.DType, size: size, count: len(t.Data) / size}
	m, err := quantize(f, src, Matrix{N: t.Shape[0], K: t.Shape[1], DType: t.DType}, o)
	if err != nil {
		return fail(err)
	}
	return m, nil
}

// sizes are the bytes of an element.
var sizes = map[string]int{"F32": 4, "F16": 2, "BF16": 2}

func quantize(f Format, src source, m Matrix, o Options) (Matrix, error) {
	elements, err := elementCount(m.N, m.K)
	if err != nil {
		return m, err
	}
	if src.count != elements {
		return m, fmt.Errorf("want %d elements for %d×%d, have %d", elements, m.N, m.K, src.count)
	}
	m.Format = f
	run := func(first, last int) error { return m.packBlocks(src, first, last) }
	switch f {
	case NF4, FP4:
		m.Packed = make([]byte, ceilDiv(elements, 2))
	case Int8:
		if o.DoubleQuant {
			return m, errors.New("double quantisation: want nf4 or fp4, have int8")
		}
		m.Packed = make([]byte, elements)
		run = func(first, last int) error { return m.packRows(src, first, last) }
	default:
		return m, fmt.Errorf("want nf4, fp4 or int8, have %v", f)
	}
	m.Absmax = make([]float32, m.Blocks())
	if err := parallel(m.Blocks(), o.Workers, run); err != nil {
		return m, err
	}
	if o.DoubleQuant {
		m.Nested, m.Absmax = nest(m.Absmax), nil
	}
	return m, nil
}

// parallel runs do on ranges that cover 0..n-1 and returns the error of the first range that has one.
func parallel(n, workers int, do func(first, last int) error) error {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = min(workers, n)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	first := 0
	for i := range workers {
		from, to := first, first+(n-first)/(workers-i)
		first = to
		if i == workers-1 {
			errs[i] = do(from, to)
			break
		}
		wg.Go(func() { errs[i] = do(from, to) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// source is what is quantised: numbers, or the bytes of a tensor.
type source struct {
	floats []float32
	data   []byte
	dtype  string
	size   int
	count  int
}

// read returns the len(buf) elements from at on, in buf unless they are numbers already.
func (s source) read(at int, buf []float32) ([]float32, error) {
	if s.data == nil {
		return s.floats[at : at+len(buf)], nil
	}
	if s.dtype == "BF16" {
		widen(buf, s.data[at*2:])
		return buf, nil
	}
	t := safetensors.Tensor{DType: s.dtype, Shape: []int{len(buf)}, Data: s.data[at*s.size : (at+len(buf))*s.size]}
	return buf, safetensors.Floats(t, buf)
}

// widen is safetensors.Floats of BF16 with one load for four elements: NF4 is quantised a quarter faster.
func widen(dst []float32, src []byte) {
	const high = 0xffff0000
	for ; len(dst) >= 4 && len(src) >= 8; dst, src = dst[4:], src[8:] {
		x := binary.LittleEndian.Uint64(src)
		dst[0], dst[1] = math.Float32frombits(uint32(x)<<16), math.Float32frombits(uint32(x)&high)
		dst[2], dst[3] = math.Float32frombits(uint32(x>>16)&high), math.Float32frombits(uint32(x>>32)&high)
	}
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
}

// packBlocks quantises the blocks first to last-1 to 4 bits.
func (m Matrix) packBlocks(src source, first, last int) error {
	const stretch = 64 // blocks; their numbers stay in the first-level cache
	buf := make([]float32, min(stretch, last-first)*BlockSize)
	coder := nf4Coder
	if m.Format == FP4 {
		coder = fp4Coder
	}
	for ; first < last; first += stretch {
		at := first * BlockSize
		w, err := src.read(at, buf[:min(len(buf), min(last*BlockSize, src.count)-at)])
		if err != nil {
			return err
		}
		for b := first; len(w) > 0; b++ {
			count := min(BlockSize, len(w))
			absmax, err := m.absmax(w[:count], b*BlockSize)
			if err != nil {
				return err
			}
			m.Absmax[b] = absmax
			if packed := m.Packed[b*BlockSize/2:]; count == BlockSize {
				coder.block((*[BlockSize / 2]byte)(packed), (*[BlockSize]float32)(w), absmax)
			} else {
				coder.tail(packed, w[:count], absmax)
			}
			w = w[count:]
		}
	}
	return nil
}

// packRows quantises the rows first to last-1 to 8 bits.
func (m Matrix) packRows(src source, first, last int) error {
	var buf []float32
	if src.data != nil {
		buf = make([]float32, m.K)
	}
	for n := first; n < last; n++ {
		w := buf
		if src.data == nil {
			w = src.floats[n*m.K : (n+1)*m.K]
		}
		w, err := src.read(n*m.K, w)
		if err != nil {
			return err
		}
		if m.Absmax[n], err = m.absmax(w, n*m.K); err != nil {
			return err
		}
		packRow(m.Packed[n*m.K:(n+1)*m.K], w, m.Absmax[n])
	}
	return nil
}

// packRow writes the integers nearest to w·127/absmax.
func packRow(dst []byte, w []float32, absmax float32) {
	if absmax == 0 {
		return
	}
	scale := 127 / absmax
	if math.IsInf(float64(scale), 0) { // absmax below 4e-37: the product needs more range than float32 has.
		for i, v := range w {
			dst[i] = byte(int8(math.RoundToEven(float64(v) * 127 / float64(absmax))))
		}
		return
	}
	const shift = 3 << 22 // A sum of this size has units as its last place, so the addition rounds to integers.
	dst = dst[:len(w)]
	for i, v := range w {
		dst[i] = byte(math.Float32bits(float32(v*scale) + shift))
	}
}

// absmax returns the greatest magnitude of w, which begins at element at of the matrix. Magnitudes are compared as
// integers, whose order is the same, and where infinities and NaNs are the greatest.
func (m Matrix) absmax(w []float32, at int) (float32, error) {
	const magnitude, infinite = 0x7fffffff, 0x7f800000
	var a, b, c, d uint32
	v := w
	for ; len(v) >= 4; v = v[4:] {
		a = max(a, math.Float32bits(v[0])&magnitude)
		b = max(b, math.Float32bits(v[1])&magnitude)
		c = max(c, math.Float32bits(v[2])&magnitude)
		d = max(d, math.Float32bits(v[3])&magnitude)
	}
	for _, x := range v {
		a = max(a, math.Float32bits(x)&magnitude)
	}
	a = max(a, b, c, d)
	if a < infinite {
		return math.Float32frombits(a), nil
	}
	for i, x := range w {
		if math.Float32bits(x)&magnitude >= infinite {
			return 0, fmt.Errorf("row %d, column %d: want a finite weight, have %v", (at+i)/m.K, (at+i)%m.K, x)
		}
	}
	return 0, nil
}
