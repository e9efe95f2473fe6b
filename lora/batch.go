package lora

import (
	"errors"
	"fmt"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// A size is that of a program: tokens and supervised tokens of a micro-batch, both rounded up.
type size struct{ tokens, rows int }

// roundUp returns the bucket that n falls in: programs are made per bucket, and padding costs at most one token of 32.
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

// supervised counts the tokens whose successor has a label.
func supervised(e data.Example) (n int) {
	for i := 1; i < len(e.Labels); i++ {
		if e.Labels[i] != data.Ignore {
			n++
		}
	}
	return n
}

// batchInputs are the device's inputs for micro-batches of up to a largest size; a program of a smaller size uses their
// beginnings. The host's copies are reused from batch to batch.
type batchInputs struct {
	ids, pos, bounds, users, slots *tensor.Tensor // i32[T] or i32[T, 2]
	rows, labels                   *tensor.Tensor // i32[S]
	host                           struct{ ids, pos, bounds, users, slots, rows, labels []int32 }
}

func newBatchInputs(d kernel.Device, largest size) (*batchInputs, error) {
	b := &batchInputs{}
	t, s := largest.tokens, largest.rows
	for _, f := range []struct {
		t    **tensor.Tensor
		spec tensor.Spec
		host *[]int32
	}{{&b.ids, tensor.IntsOf(t), &b.host.ids}, {&b.pos, tensor.IntsOf(t), &b.host.pos}, {&b.bounds, tensor.IntsOf(t, 2), &b.host.bounds},
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
func (b *batchInputs) of(z size, scale *tensor.Tensor) (qwen2.Inputs, qwen2.Supervision) {
	part := func(t *tensor.Tensor, s tensor.Spec) *tensor.Tensor {
		return &tensor.Tensor{Spec: s, Buffer: t.Buffer, Offset: t.Offset}
	}
	row, pair, few := tensor.IntsOf(z.tokens), tensor.IntsOf(z.tokens, 2), tensor.IntsOf(z.rows)
	return qwen2.Inputs{IDs: part(b.ids, row), Pos: part(b.pos, row), Bounds: part(b.bounds, pair), Users: part(b.users, pair)},
		qwen2.Supervision{Rows: part(b.rows, few), Slots: part(b.slots, row), Labels: part(b.labels, few), Scale: scale}
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
	in, sup := b.of(z, nil)
	return errors.Join(in.IDs.WriteInts(h.ids[:z.tokens]), in.Pos.WriteInts(h.pos[:z.tokens]), in.Bounds.WriteInts(h.bounds[:2*z.tokens]),
		in.Users.WriteInts(h.users[:2*z.tokens]), sup.Slots.WriteInts(h.slots[:z.tokens]), sup.Rows.WriteInts(h.rows[:z.rows]),
		sup.Labels.WriteInts(h.labels[:z.rows]))
}
