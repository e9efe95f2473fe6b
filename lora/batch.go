package lora

import (
	"fmt"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// A size is that of a program: tokens and supervised tokens of a pass, both rounded up.
type size struct{ tokens, rows int }

// roundUp returns the bucket that n falls in: programs are made per bucket, and above 128 tokens padding is at most one
// of 16.
func roundUp(n int) int {
	step := 8
	for step < n/32 {
		step *= 2
	}
	return max(1, (n+step-1)/step) * step
}

func sizeOf(batch []data.Example) size {
	t, s := 0, 0
	for _, e := range batch {
		t += len(e.IDs)
		s += supervised(e)
	}
	return size{roundUp(t), roundUp(s)}
}

// checkExamples finds rows that the model cannot read.
func checkExamples(m *qwen2.Model, all []data.Example) error {
	known := func(id int32) bool { return id >= 0 && int(id) < m.Config.Vocab }
	for i, e := range all {
		if len(e.IDs) > m.Positions() {
			return fmt.Errorf("row %d: want at most the %d tokens that the model was loaded for, have %d", i,
				m.Positions(), len(e.IDs))
		}
		if len(e.Labels) != len(e.IDs) {
			return fmt.Errorf("row %d: want a label for each of %d tokens, have %d", i, len(e.IDs), len(e.Labels))
		}
		for t, id := range e.IDs {
			if label := e.Labels[t]; !known(id) || label != data.Ignore && !known(label) {
				return fmt.Errorf("row %d: want token ids and labels in [0, %d), have %d and %d: "+
					"the tokenizer is not this model's", i, m.Config.Vocab, id, label)
			}
		}
	}
	return nil
}

// supervised counts the tokens whose successor has a label.
func supervised(e data.Example) (n int) {
	for i := 1; i < len(e.Labels); i++ {
		if e.Labels[i] != data.Ignore {
			n++
		}
	}
	return n
}

// batchInputs are the device's inputs for passes of up to a largest size; a program of a smaller size uses their
// beginnings. The host's copies are reused from batch to batch.
type batchInputs struct {
	ids, pos, bounds, users, slots *tensor.Tensor // i32[T] or i32[T, 2]
	rows, labels                   *tensor.Tensor // i32[S]
	host                           struct{ ids, pos, bounds, users, slots, rows, labels []int32 }
	parts                          map[size]*inputParts
}

// inputParts are the inputs of the program of one size.
type inputParts struct {
	in          qwen2.Inputs
	supervision qwen2.Supervision // without its scale
}

func newBatchInputs(d kernel.Device, largest size) (*batchInputs, error) {
	b := &batchInputs{parts: map[size]*inputParts{}}
	t, s := largest.tokens, largest.rows
	for _, f := range []struct {
		t    **tensor.Tensor
		spec tensor.Spec
		host *[]int32
	}{{&b.ids, tensor.IntsOf(t), &b.host.ids}, {&b.pos, tensor.IntsOf(t), &b.host.pos},
		{&b.bounds, tensor.IntsOf(t, 2), &b.host.bounds},
		{&b.users, tensor.IntsOf(t, 2), &b.host.users}, {&b.slots, tensor.IntsOf(t), &b.host.slots},
		{&b.rows, tensor.IntsOf(s), &b.host.rows}, {&b.labels, tensor.IntsOf(s), &b.host.labels}} {
		var err error
		if *f.t, err = tensor.New(d, f.spec, kernel.Staging); err != nil {
			b.free()
			return nil, err
		}
		*f.host = make([]int32, f.spec.Len())
	}
	return b, nil
}

func (b *batchInputs) free() {
	for _, t := range []*tensor.Tensor{b.ids, b.pos, b.bounds, b.users, b.slots, b.rows, b.labels} {
		t.Free()
	}
}

// of returns the inputs of a program of size z.
func (b *batchInputs) of(z size) *inputParts {
	if p := b.parts[z]; p != nil {
		return p
	}
	part := func(t *tensor.Tensor, s tensor.Spec) *tensor.Tensor {
		return &tensor.Tensor{Spec: s, Buffer: t.Buffer, Offset: t.Offset}
	}
	row, pair, few := tensor.IntsOf(z.tokens), tensor.IntsOf(z.tokens, 2), tensor.IntsOf(z.rows)
	p := &inputParts{
		in: qwen2.Inputs{IDs: part(b.ids, row), Pos: part(b.pos, row), Bounds: part(b.bounds, pair),
			Users: part(b.users, pair)},
		supervision: qwen2.Supervision{Rows: part(b.rows, few), Slots: part(b.slots, row), Labels: part(b.labels, few)},
	}
	b.parts[z] = p
	return p
}

// write packs the examples one after the other, each seeing only itself; padding sees nothing and is seen by nothing.
func (b *batchInputs) write(batch []data.Example, z size) error {
	h, t, s := &b.host, 0, 0
	for _, e := range batch {
		start, end := int32(t), int32(t+len(e.IDs))
		if int(end) > z.tokens {
			return fmt.Errorf("lora: batch: want at most %d tokens, have %d", z.tokens, end)
		}
		for i, id := range e.IDs {
			at := int32(t)
			h.ids[t], h.pos[t], h.slots[t] = id, int32(i), -1
			h.bounds[2*t], h.bounds[2*t+1] = start, at+1
			h.users[2*t], h.users[2*t+1] = at, end
			if i+1 < len(e.Labels) && e.Labels[i+1] != data.Ignore {
				h.slots[t], h.rows[s], h.labels[s] = int32(s), at, e.Labels[i+1]
				s++
			}
			t++
		}
	}
	for ; t < z.tokens; t++ {
		h.ids[t], h.pos[t], h.slots[t] = -1, 0, -1
		h.bounds[2*t], h.bounds[2*t+1], h.users[2*t], h.users[2*t+1] = 0, 0, 0, 0
	}
	for ; s < z.rows; s++ {
		h.rows[s], h.labels[s] = -1, -1
	}
	return b.upload(z)
}

func (b *batchInputs) upload(z size) error {
	h, p := &b.host, b.of(z)
	for _, f := range [...]struct {
		t *tensor.Tensor
		x []int32
	}{{p.in.IDs, h.ids[:z.tokens]}, {p.in.Pos, h.pos[:z.tokens]}, {p.in.Bounds, h.bounds[:2*z.tokens]},
		{p.in.Users, h.users[:2*z.tokens]},
		{p.supervision.Slots, h.slots[:z.tokens]}, {p.supervision.Rows, h.rows[:z.rows]},
		{p.supervision.Labels, h.labels[:z.rows]}} {
		if err := f.t.WriteInts(f.x); err != nil {
			return err
		}
	}
	return nil
}
