package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// Adafactor is one step of Adafactor (Shazeer and Stern, 2018) as transformers does it, for several parameters, each of
// which has a rate of its own. Of a matrix it keeps the means of g² + eps over rows and over columns:
// row = β₂row + (1−β₂)·mean, and col likewise; then with u = g/√(row/mean(row))/√col and s = max(least, RMS(p)), or 1
// where least is 0, p −= lr·s·wd·p; p −= lr·s·u/max(1, RMS(u)/clip). With Momentum that last change is averaged in m.
//
// A vector is taken as a matrix of one column: col is then the mean of row, and u = g/√row as it should be.
//
//	of each parameter p, m: [R, C] or [R], row: [R], col: [C] or [1]   g: as p   hyper: [kernel.HyperLen]
//
// The operands are p, row, col and, with Momentum, m of each parameter, then the gradients of all, then hyper; all but
// the gradients and hyper are changed.
type Adafactor struct {
	Decay    []bool // which parameters have weight decay
	Momentum bool
}

func (op Adafactor) each() int { return 3 + int(flag(op.Momentum)) }

func (op Adafactor) Infer(x []Spec) ([]Spec, error) {
	n, each := len(op.Decay), op.each()
	if n == 0 || len(x) != n*(each+1)+1 || x[len(x)-1] != Of(kernel.HyperLen) {
		return nil, fmt.Errorf("adafactor: want %d operands of each of %d parameters, and hyper [%d], have %v", each+1, n,
			kernel.HyperLen, x)
	}
	for i := range n {
		s, g := x[i*each:][:each], x[n*each+i]
		rows, cols := matrixDims(s[0])
		if s[0].Rank() > 2 || s[0].DType != F32 || g != s[0] || s[1] != Of(rows) || s[2] != Of(cols) ||
			op.Momentum && s[3] != s[0] {
			return nil, fmt.Errorf("adafactor: want p [R, C] or [R], row [R], col [C], and g and m as p, have %v and g %v",
				s, g)
		}
	}
	return x[:n*each], nil
}

func matrixDims(s Spec) (rows, cols int) {
	if s.Rank() == 1 {
		return s.Dim(0), 1
	}
	return s.Dim(0), s.Dim(1)
}

// Forward records each kernel for all parameters before the next, so that few barriers are needed.
func (op Adafactor) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	own(r, y, x)
	n, each, hyper := len(op.Decay), op.each(), x[len(x)-1]
	type tensor struct {
		rows, cols        uint32
		p, row, col, m, g *Value
		part, rate        *Value
	}
	all := make([]tensor, n)
	for i := range all {
		s := y[i*each:][:each]
		rows, cols := matrixDims(s[0].Spec)
		all[i] = tensor{rows: u32(rows), cols: u32(cols), p: s[0], row: s[1], col: s[2], m: s[each-1], g: x[n*each+i],
			part: r.Temp(Of(rows, 3)), rate: r.Temp(Of(2))}
	}
	for _, t := range all {
		r.Run(kernel.AdafactorMeans{Rows: t.rows, Cols: t.cols}, vs(t.row, t.col), vs(t.g, hyper))
	}
	for _, t := range all {
		r.Run(kernel.AdafactorParts{Rows: t.rows, Cols: t.cols}, vs(t.part), vs(t.p, t.g, t.row, t.col))
	}
	for _, t := range all {
		r.Run(kernel.AdafactorRate{Rows: t.rows, Cols: t.cols}, vs(t.rate), vs(t.part, hyper))
	}
	for i, t := range all {
		in := vs(t.g, t.row, t.col, t.rate, hyper)
		s := kernel.AdafactorStep{Rows: t.rows, Cols: t.cols, Decay: flag(op.Decay[i])}
		if op.Momentum {
			r.Run(kernel.AdafactorMomentum(s), vs(t.p, t.m), in)
		} else {
			r.Run(s, vs(t.p), in)
		}
	}
	return nil
}
