package qwen2

import (
	"errors"
	"fmt"

	"github.com/vulora/vulora/autograd"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// A Session is one sequence being read and continued: a cache of its keys and values, and the programs that extend it.
type Session struct {
	m        *Model
	adapters *Adapters
	cache    []*tensor.Tensor // per layer [S, 2·K·D]
	programs *tensor.Programs[int]
	inputs   map[int]*step
	logits   *tensor.Tensor // [1, V]
	best     *tensor.Tensor // i32[1]
	length   int            // tokens in the cache
	capacity int
	owned    []*tensor.Tensor
}

// step is what the host writes before a run of the program for one bucket of tokens.
type step struct {
	in         Inputs
	slot, last *tensor.Tensor // i32[T], i32[1]
	ids, pos   []int32
	bounds     []int32
	slots      []int32
}

// longestPiece is the most tokens that are read at once. Longer prompts are read in pieces.
const longestPiece = 512

// bucket returns the size of the program that reads n tokens: padding is below one of 16.
func bucket(n int) int {
	step := 1
	for step*16 < n {
		step *= 2
	}
	return (n + step - 1) / step * step
}

// NewSession returns a session with room for capacity tokens, prompt and answer together.
func (m *Model) NewSession(capacity int, a *Adapters) (*Session, error) {
	if capacity <= 0 || capacity > m.Positions() {
		return nil, fmt.Errorf("qwen2: session: want room for 1 to %d tokens, what the model was loaded for, have %d",
			m.Positions(), capacity)
	}
	s := &Session{m: m, adapters: a, capacity: capacity, inputs: map[int]*step{}}
	s.programs = tensor.NewPrograms[int](m.Device, kernel.CompileOptions{})
	for range m.layers {
		t, err := s.alloc(tensor.Of(capacity, 2*m.Config.KVHeads*m.Config.HeadDim), kernel.Cache)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("qwen2: session for %d tokens: %w", capacity, err), s.Close())
		}
		s.cache = append(s.cache, t)
	}
	var err, err2 error
	s.logits, err = s.alloc(tensor.Of(1, m.Config.Vocab), kernel.Staging)
	s.best, err2 = s.alloc(tensor.IntsOf(1), kernel.Staging)
	if err := errors.Join(err, err2); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Session) alloc(spec tensor.Spec, p kernel.Purpose) (*tensor.Tensor, error) {
	t, err := tensor.New(s.m.Device, spec, p)
	if err == nil {
		s.owned = append(s.owned, t)
	}
	return t, err
}

// Prepare makes the programs that a prompt of so many tokens and an answer need, so that no memory is made later.
// Prepare for the longest prompt first.
func (s *Session) Prepare(prompt int) error {
	for _, n := range []int{min(prompt, longestPiece), prompt % longestPiece, 1} {
		if n > 0 {
			if _, _, err := s.program(bucket(n)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Append reads ids, so that Best and Logits speak of the token after the last of them.
func (s *Session) Append(ids []int32) error {
	if s.length+len(ids) > s.capacity {
		return fmt.Errorf("qwen2: append: want at most %d tokens in all, have %d and %d more", s.capacity, s.length, len(ids))
	}
	for _, id := range ids {
		if id < 0 || int(id) >= s.m.Config.Vocab {
			return fmt.Errorf("qwen2: append: want token ids in [0, %d), have %d", s.m.Config.Vocab, id)
		}
	}
	for len(ids) > 0 {
		n := min(len(ids), longestPiece)
		if err := s.run(ids[:n]); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

func (s *Session) run(ids []int32) error {
	p, st, err := s.program(bucket(len(ids)))
	if err != nil {
		return err
	}
	if err := st.write(ids, s.length); err != nil {
		return err
	}
	if err := p.Run(); err != nil {
		return fmt.Errorf("qwen2: run %d tokens: %w", len(ids), err)
	}
	s.length += len(ids)
	return nil
}

// Rewind forgets all tokens but the first length; Best and Logits say nothing until Append is called again.
func (s *Session) Rewind(length int) { s.length = max(0, min(length, s.length)) }

// program returns the program that reads size tokens, and its inputs.
func (s *Session) program(size int) (tensor.Compiled, *step, error) {
	st, err := s.step(size)
	if err != nil {
		return tensor.Compiled{}, nil, err
	}
	p, err := s.programs.Get(size, func(r *tensor.Recorder) { s.record(r, st) })
	if err != nil {
		return p, nil, fmt.Errorf("qwen2: program for %d tokens: %w", size, err)
	}
	return p, st, nil
}

// step returns the inputs of the program for size tokens.
func (s *Session) step(size int) (*step, error) {
	if st := s.inputs[size]; st != nil {
		return st, nil
	}
	st := &step{ids: make([]int32, size), pos: make([]int32, size), bounds: make([]int32, 2*size),
		slots: make([]int32, size)}
	for _, f := range []struct {
		t **tensor.Tensor
		s tensor.Spec
	}{{&st.in.IDs, tensor.IntsOf(size)}, {&st.in.Pos, tensor.IntsOf(size)}, {&st.in.Bounds, tensor.IntsOf(size, 2)},
		{&st.slot, tensor.IntsOf(size)}, {&st.last, tensor.IntsOf(1)}} {
		t, err := s.alloc(f.s, kernel.Staging)
		if err != nil {
			return nil, err
		}
		*f.t = t
	}
	s.inputs[size] = st
	return st, nil
}

// write fills the inputs for ids after length tokens in the cache; what is left of the bucket is padding.
func (st *step) write(ids []int32, length int) error {
	for i := range st.ids {
		if i < len(ids) {
			at := int32(length + i)
			st.ids[i], st.pos[i], st.slots[i] = ids[i], at, at
			st.bounds[2*i], st.bounds[2*i+1] = 0, at+1
		} else {
			st.ids[i], st.pos[i], st.slots[i] = -1, 0, -1
			st.bounds[2*i], st.bounds[2*i+1] = 0, 0
		}
	}
	return errors.Join(st.in.IDs.WriteInts(st.ids), st.in.Pos.WriteInts(st.pos), st.in.Bounds.WriteInts(st.bounds),
		st.slot.WriteInts(st.slots), st.last.WriteInts([]int32{int32(len(ids) - 1)}))
}

// record records the logits of the last token and the best of them.
func (s *Session) record(r *tensor.Recorder, st *step) {
	c := &s.m.Config
	t := autograd.NewTape(r)
	g := &graph{m: s.m, in: st.in, o: GraphOptions{Adapters: s.adapters}}
	g.attend = func(t *autograd.Tape, i int, qkv *autograd.Var) *autograd.Var {
		op := tensor.CachedAttention{Heads: c.Heads, KVHeads: c.KVHeads, D: c.HeadDim, Precision: s.m.Precision}
		return t.Apply(op, qkv, t.Const(s.cache[i]), t.Const(st.slot), t.Const(st.in.Bounds))
	}
	y := g.logits(t, st.last)
	best := t.Apply(tensor.ArgMax{}, y)
	if r.Err() == nil {
		r.Place(y.Value, s.logits)
		r.Place(best.Value, s.best)
	}
}

// Best returns the most probable next token.
func (s *Session) Best() (int32, error) {
	var id [1]int32
	err := s.best.ReadInts(id[:])
	return id[0], err
}

// Logits fills x, [V], with the logits of the next token.
func (s *Session) Logits(x []float32) error { return s.logits.ReadFloats(x) }

// Close frees the cache and the programs. It may be called more than once.
func (s *Session) Close() error {
	err := s.programs.Close()
	for _, t := range s.owned {
		t.Free()
	}
	s.owned = nil
	return err
}
