package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// Embedding is y[t] = table[ids[t]]; a negative id gives zeros.
//
//	table: [V, C] f32|f16|bf16, or int8 and then its scales [V]   ids: [T] i32   y: [T, C]
//
// A table larger than one operand may be is read in tiles of rows. Backward gives table the sum of the rows of dy that
// each id got; it saves ids, and needs a table of f32 that fits one operand.
type Embedding struct {
	Quantized bool // table has scales
}

func (op Embedding) Infer(x []Spec) ([]Spec, error) {
	ids := 1 + int(flag(op.Quantized))
	if len(x) != ids+1 || x[0].Rank() != 2 || x[ids].Rank() != 1 || x[ids].DType != I32 {
		return nil, fmt.Errorf("embedding: want table [V, C], its scales if it is quantised, and ids i32[T], have %v", x)
	}
	if op.Quantized && (x[0].DType != I8 || x[1] != scalesOf(x[0])) || !op.Quantized && !x[0].float() {
		return nil, fmt.Errorf("embedding: want a table of floats, or of int8 with a scale for each row, have %v", x[:ids])
	}
	return []Spec{Of(x[ids].Dim(0), x[0].Dim(1))}, nil
}

func (op Embedding) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	table, ids := matrix{w: x[0]}, x[1]
	if op.Quantized {
		table.scales, ids = x[1], x[2]
	}
	gather(r, y[0], table, ids, nil)
	return vs(x[0], ids)
}

func (op Embedding) Backward(r *Recorder, dy, saved []*Value, need []bool) []*Value {
	table, ids := saved[0], saved[1]
	if table.DType != F32 {
		r.Fail(fmt.Errorf("embedding: want an f32 table to train it, have %v", table.Spec))
	}
	dt := r.Temp(table.Spec)
	s := kernel.ScatterRows{Rows: u32(ids.Dim(0)), Cols: u32(table.Dim(1)), Count: u32(table.Dim(0))}
	r.Run(s, vs(dt), vs(dy[0], ids))
	dx := make([]*Value, len(need))
	dx[0] = dt
	return dx
}

// gather records y[i] = scale·table[index[i]], with a scale of 1 if scale is nil.
func gather(r *Recorder, y *Value, table matrix, index, scale *Value) {
	rest := vs(index)
	if scale != nil {
		rest = append(rest, scale)
	}
	rows := table.w.Dim(0)
	step := r.rowsPerOperand(rows, table.w.Bytes()/int64(rows))
	for first := 0; first < rows; first += step {
		count := min(step, rows-first)
		s := kernel.GatherRows{Rows: u32(index.Len()), Cols: u32(table.w.Dim(1)), First: u32(first), Count: u32(count),
			Scaled: flag(scale != nil)}
		r.Run(s, vs(y), append(table.rows(r, first, count), rest...))
	}
}
