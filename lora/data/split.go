package data

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
)

// Split parts examples into those to train on and a share of those to evaluate on, both in their own order. Which go
// where depends on the seed alone. Examples with the same tokens and labels go to the same side, so that nothing is
// evaluated on that was trained on. There are round(share · n) examples to evaluate on, but for copies that come along,
// and at least one on either side.
func Split(examples []Example, share float64, seed int64) (train, eval []Example, err error) {
	n := len(examples)
	if !(share > 0 && share < 1) {
		return nil, nil, fmt.Errorf("data: split: want a share above 0 and below 1, have %v", share)
	}
	copies := Copies(examples)
	if n-len(copies) < 2 {
		return nil, nil, fmt.Errorf("data: split: want at least two different rows, have %d", n-len(copies))
	}
	of := make([]int, n)
	weight := make([]int, n) // of an example with its copies
	for i := range of {
		of[i] = i
	}
	for _, c := range copies {
		of[c.Row] = c.Of
	}
	for _, first := range of {
		weight[first]++
	}
	left := min(max(1, int(math.Round(share*float64(n)))), n-1)
	chosen, different := make([]bool, n), n-len(copies)
	for _, i := range Permutation(n, seed) {
		if of[i] == i && left > 0 && different > 1 {
			chosen[i] = true
			left -= weight[i]
			different--
		}
	}
	for i, e := range examples {
		if chosen[of[i]] {
			eval = append(eval, e)
		} else {
			train = append(train, e)
		}
	}
	return train, eval, nil
}

// Copy says that an example is that of an earlier one, by their numbers from 0.
type Copy struct{ Row, Of int }

// Copies finds the examples whose tokens and labels are those of an earlier one.
func Copies(examples []Example) []Copy {
	seen := newExampleSet(examples)
	var copies []Copy
	for i, e := range examples {
		if first := seen.find(e); first >= 0 {
			copies = append(copies, Copy{i, first})
		} else {
			seen.add(i)
		}
	}
	return copies
}

// Leaked finds the examples of eval that are in train too: Row is a number in eval, Of one in train.
func Leaked(train, eval []Example) []Copy {
	seen := newExampleSet(train)
	for i := range train {
		seen.add(i)
	}
	var leaked []Copy
	for i, e := range eval {
		if first := seen.find(e); first >= 0 {
			leaked = append(leaked, Copy{i, first})
		}
	}
	return leaked
}

// exampleSet finds examples by what is in them.
type exampleSet struct {
	examples []Example
	seed     maphash.Seed
	at       map[uint64][]int32
}

func newExampleSet(examples []Example) *exampleSet {
	return &exampleSet{examples, maphash.MakeSeed(), map[uint64][]int32{}}
}

func (s *exampleSet) hash(e Example) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	var b [8]byte
	for t, id := range e.IDs {
		binary.LittleEndian.PutUint32(b[:], uint32(id))
		binary.LittleEndian.PutUint32(b[4:], uint32(e.Labels[t]))
		h.Write(b[:])
	}
	return h.Sum64()
}

func (s *exampleSet) add(i int) {
	h := s.hash(s.examples[i])
	s.at[h] = append(s.at[h], int32(i))
}

// find returns the first example like e, or -1.
func (s *exampleSet) find(e Example) int {
	for _, i := range s.at[s.hash(e)] {
		if x := s.examples[i]; slices.Equal(x.IDs, e.IDs) && slices.Equal(x.Labels, e.Labels) {
			return int(i)
		}
	}
	return -1
}

// Lengths are those of examples in tokens: the shortest, the longest, and the ones that half, nine tenths and 99 of a
// hundred do not exceed.
type Lengths struct{ Min, Median, P90, P99, Max int }

// LengthsOf measures examples. Of none all are 0.
func LengthsOf(examples []Example) Lengths {
	if len(examples) == 0 {
		return Lengths{}
	}
	n := make([]int, len(examples))
	for i, e := range examples {
		n[i] = len(e.IDs)
	}
	slices.Sort(n)
	at := func(percent int) int { return n[(len(n)*percent+99)/100-1] }
	return Lengths{n[0], at(50), at(90), at(99), n[len(n)-1]}
}

// ReportOf counts examples again, as where a set was split. What was cut from their rows is not known from them.
func ReportOf(examples []Example) Report {
	var r Report
	for _, e := range examples {
		n := supervised(e.Labels[min(1, len(e.Labels)):])
		if n == 0 {
			if r.Masked++; r.Masked == 1 {
				r.FirstMasked = r.Examples
			}
		}
		r.Examples++
		r.Tokens += len(e.IDs)
		r.Supervised += n
	}
	return r
}
