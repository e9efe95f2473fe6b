package lora

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"

	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/qwen2/safetensors"
)

// floatSizes are the bytes of an element of the types that weights may have.
var floatSizes = map[string]int{"F32": 4, "F16": 2, "BF16": 2}

// mergeElements is about how many elements are read, changed and written at a time.
const mergeElements = 1 << 20

// A mergeTarget is an adapter on one weight.
type mergeTarget struct {
	module    string
	r         int
	scale     float64
	a, b      []float32 // [R, in], [out, R]
	magnitude []float32 // [out], or nil without DoRA
}

// row writes row i of the merged weight to sum, from row w of the base's.
//
//	w, sum: [in]
func (t *mergeTarget) row(i int, w []float32, sum []float64) {
	for k, v := range w {
		sum[k] = float64(v)
	}
	for j, b := range t.b[i*t.r:][:t.r] {
		f := t.scale * float64(b)
		for k, a := range t.a[j*len(w):][:len(w)] {
			sum[k] += f * float64(a)
		}
	}
	if t.magnitude == nil {
		return
	}
	n := 0.0
	for _, v := range sum {
		n += v * v
	}
	n = float64(t.magnitude[i]) / math.Sqrt(n)
	for k := range sum {
		sum[k] *= n
	}
}

// mergeSource is a tensor of the base as rows of float32.
type mergeSource struct {
	t          safetensors.Tensor
	q          *bnb.Matrix // if it is quantised
	rows, cols int
}

func (s *mergeSource) read(first int, dst []float32) error {
	if s.q != nil {
		return s.q.DequantizeRows(first, dst)
	}
	size := floatSizes[s.t.DType]
	part := safetensors.Tensor{Name: s.t.Name, DType: s.t.DType, Shape: []int{len(dst)}}
	part.Data = s.t.Data[first*s.cols*size:][:len(dst)*size]
	return safetensors.Floats(part, dst)
}

// writeRows writes the rows of s to w as dtype, with t merged into them if it is not nil.
func (m *merger) writeRows(w io.Writer, s *mergeSource, dtype string, t *mergeTarget) error {
	step := max(1, mergeElements/max(1, s.cols))
	x := make([]float32, min(step, s.rows)*s.cols)
	out := make([]byte, len(x)*floatSizes[dtype])
	// Squared norms are kept by row, so that their sums do not depend on the number of processors.
	delta, wrong := make([]float64, s.rows), make([]float64, s.rows)
	for first := 0; first < s.rows; first += step {
		if err := m.ctx.Err(); err != nil {
			return err
		}
		n := min(step, s.rows-first)
		x, out := x[:n*s.cols], out[:n*s.cols*floatSizes[dtype]]
		if err := s.read(first, x); err != nil {
			return err
		}
		err := eachRow(n, func(i int, sum []float64) ([]float64, error) {
			row := mergeRow{in: x[i*s.cols:][:s.cols], out: out[i*len(out)/n:][:len(out)/n], dtype: dtype}
			if len(sum) != s.cols {
				sum = make([]float64, s.cols)
			}
			var err error
			delta[first+i], wrong[first+i], err = row.merge(t, first+i, sum)
			return sum, err
		})
		if err != nil {
			return err
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
	}
	if t == nil {
		return nil
	}
	done := MergedModule{Module: t.module, Delta: root(delta), Error: root(wrong)}
	m.report.Modules = append(m.report.Modules, done)
	if m.o.OnModule != nil {
		m.o.OnModule(done)
	}
	return nil
}

func root(squares []float64) float64 {
	sum := 0.0
	for _, x := range squares {
		sum += x
	}
	return math.Sqrt(sum)
}

// eachRow calls do for every row of n, on all processors, and returns one of the errors. What do returns is what it is
// given the next time: memory of its own.
func eachRow(n int, do func(i int, own []float64) ([]float64, error)) error {
	var wait sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), n)
	errs := make([]error, workers)
	for w := range workers {
		wait.Go(func() {
			var own []float64
			for i := w * n / workers; i < (w+1)*n/workers && errs[w] == nil; i++ {
				own, errs[w] = do(i, own)
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A mergeRow is one row on its way. in is overwritten.
type mergeRow struct {
	in    []float32
	out   []byte
	dtype string
}

// merge fills out, with t merged in if it is not nil, and returns the squared norms of what t changed and of what
// rounding did.
func (r mergeRow) merge(t *mergeTarget, i int, sum []float64) (delta, wrong float64, err error) {
	if t == nil {
		for k, v := range r.in {
			sum[k] = float64(v)
		}
	} else {
		t.row(i, r.in, sum)
	}
	for k, v := range sum {
		d := v - float64(r.in[k])
		delta += d * d
		r.in[k] = float32(v)
	}
	if err := r.encode(); err != nil {
		return 0, 0, err
	}
	stored := safetensors.Tensor{DType: r.dtype, Shape: []int{len(r.in)}, Data: r.out}
	if err := safetensors.Floats(stored, r.in); err != nil {
		return 0, 0, err
	}
	for k, v := range sum {
		d := float64(r.in[k]) - v
		if math.IsNaN(d) || math.IsInf(d, 0) {
			return 0, 0, fmt.Errorf("row %d: want numbers that %s can hold, have %g", i, r.dtype, v)
		}
		wrong += d * d
	}
	return delta, wrong, nil
}

func (r mergeRow) encode() error {
	switch r.dtype {
	case "BF16":
		return safetensors.ToBF16(r.in, r.out)
	case "F16":
		return safetensors.ToF16(r.in, r.out)
	}
	for k, v := range r.in {
		binary.LittleEndian.PutUint32(r.out[4*k:], math.Float32bits(v))
	}
	return nil
}
