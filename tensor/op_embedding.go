package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// Embedding is y[t] = table[ids[t]]; a negative id gives zeros.
//
//	table: [V, C] f32|f16|bf16   ids: [T] i32   y: [T, C]
//
// A table larger than one operand may be is read in tiles of rows. Backward gives table the sum of the rows of dy that
// each id got; it saves ids, and needs a table that fits one operand.
type Embedding struct{}

func (Embedding) Infer(x []Spec) ([]Spec, error) {
	if len(x) != 2 || x[0].Rank() != 2 || !x[0].float() || x[1].Rank() != 1 || x[1].DType != I32 {
		return nil, fmt.Errorf("embedding: want table [V, C] and ids i32[T], have %v", x)
	}
	return []Spec{Of(x[1].Dim(0), x[0].Dim(1))}, nil
}

func (Embedding) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	gather(r, y[0], x[0], x[1], nil)
	return vs(x[0], x[1])
}

func (Embedding) Backward(r *Recorder, dy, saved []*Value, need []bool) []*Value {
	table, ids := saved[0], saved[1]
	if table.DType != F32 {
		r.Fail(fmt.Errorf("embedding: want an f32 table to train it, have %v", table.Spec))
	}
	dt := r.Temp(table.Spec)
	s := kernel.ScatterRows{Rows: u32(ids.Dim(0)), Cols: u32(table.Dim(1)), Count: u32(table.Dim(0))}
	r.Run(s, vs(dt), vs(dy[0], ids))
	return vs(dt, nil)
}

// gather records y[i] = scale·table[index[i]], with a scale of 1 if scale is nil.
func gather(r *Recorder, y, table, index, scale *Value) {
	in := vs(nil, index)
	if scale != nil {
		in = append(in, scale)
	}
	rows := table.Dim(0)
	step := r.rowsPerOperand(rows, table.Bytes()/int64(rows))
	for first := 0; first < rows; first += step {
		count := min(step, rows-first)
		s := kernel.GatherRows{Rows: u32(index.Len()), Cols: u32(table.Dim(1)), First: u32(first), Count: u32(count),
			Scaled: flag(scale != nil)}
		tile := append(vs(r.Slice(table, first, count)), in[1:]...)
		r.Run(s, vs(y), tile)
	}
}
