package gpu

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// attentionKernels: shaders/attention.comp, attention_back.comp, attention_tiles.comp, rope.comp, cache_write.comp.
var attentionKernels = []lowerer{
	entry[kernel.Attention]{
		check: checkAttention,
		operands: func(s kernel.Attention) (out, in []operand) {
			return []operand{floats("y", s.T, s.Heads, s.D), floats("lse", s.T, s.Heads)},
				[]operand{queries("q", s), keysValues("kv", s), ints("bounds", s.T, 2)}
		},
		flops: func(s kernel.Attention) float64 { return 2 * scores(s) },
		variants: append(attentionTiles(func(s kernel.Attention) (a kernel.Attention, left, right, passes uint32) {
			return s, s.T * group(s), s.S, 2
		}), perHead(func(s kernel.Attention) (kernel.Attention, uint32, uint32, uint64) {
			return s, s.T, s.Heads, uint64(s.S)
		})...),
	},
	entry[kernel.AttentionBackQ]{
		check: func(b kernel.AttentionBackQ) error { return checkAttentionBack(kernel.Attention(b)) },
		operands: func(b kernel.AttentionBackQ) (out, in []operand) {
			s := kernel.Attention(b)
			return []operand{queries("dx", s), floats("delta", s.T, s.Heads)}, []operand{
				floats("dy", s.T, s.Heads, s.D), floats("y", s.T, s.Heads, s.D), floats("lse", s.T, s.Heads),
				both("x", s), ints("bounds", s.T, 2)}
		},
		flops: func(b kernel.AttentionBackQ) float64 { return 3 * scores(kernel.Attention(b)) },
		variants: append(attentionTiles(func(b kernel.AttentionBackQ) (a kernel.Attention, left, right, passes uint32) {
			a = kernel.Attention(b)
			return a, a.T * group(a), a.S, 3
		}), perHead(func(b kernel.AttentionBackQ) (kernel.Attention, uint32, uint32, uint64) {
			return kernel.Attention(b), b.T, b.Heads, uint64(b.S)
		})...),
	},
	entry[kernel.AttentionBackKV]{
		check: func(b kernel.AttentionBackKV) error { return checkAttentionBack(kernel.Attention(b)) },
		operands: func(b kernel.AttentionBackKV) (out, in []operand) {
			s := kernel.Attention(b)
			return []operand{keysValues("dx", s)}, []operand{floats("dy", s.T, s.Heads, s.D), floats("lse", s.T, s.Heads),
				floats("delta", s.T, s.Heads), both("x", s), ints("users", s.S, 2)}
		},
		flops: func(b kernel.AttentionBackKV) float64 { return 4 * scores(kernel.Attention(b)) },
		variants: append(attentionTiles(func(b kernel.AttentionBackKV) (a kernel.Attention, left, right, passes uint32) {
			a = kernel.Attention(b)
			return a, a.S, a.T * group(a), 4
		}), perHead(func(b kernel.AttentionBackKV) (kernel.Attention, uint32, uint32, uint64) {
			return kernel.Attention(b), b.S, b.KVHeads, uint64(b.Heads/b.KVHeads) * uint64(b.T)
		})...),
	},
	entry[kernel.RoPE]{
		check: func(s kernel.RoPE) error {
			if s.D%2 != 0 {
				return fmt.Errorf("want an even head size, have %d", s.D)
			}
			if width := product(s.Heads, s.D); width > uint64(s.Stride) {
				return fmt.Errorf("x: want rows of at least %d, have a stride of %d", width, s.Stride)
			}
			return nil
		},
		operands: func(s kernel.RoPE) (out, in []operand) {
			return []operand{strided("x", s.T, s.Stride, 0, s.Heads*s.D)},
				[]operand{ints("pos", s.T), floats("table", s.D)}
		},
		variants: perElement(func(s kernel.RoPE) uint64 { return product(s.T, s.Heads, s.D/2) }),
	},
	entry[kernel.CacheWrite]{
		check: func(s kernel.CacheWrite) error { return inRow("x", s.Off, s.Cols, s.Stride) },
		operands: func(s kernel.CacheWrite) (out, in []operand) {
			return []operand{floats("cache", s.Cols)},
				[]operand{strided("x", s.T, s.Stride, s.Off, s.Cols), ints("slot", s.T)}
		},
		variants: perElement(func(s kernel.CacheWrite) uint64 { return product(s.T, s.Cols) }),
	},
}

// maxHead is the largest head size: its vectors are unrolled into registers.
const maxHead = 256

// tileRows is how many rows of queries and keys meet at a time in shaders/attention_tiles.comp.
const tileRows = 32

// attentionTiles returns the variant that stages tiles of queries and keys in shared memory: left rows, of each
// key/value head, stay while right rows pass, and the head is gone through in so many passes for each pair of tiles.
// With fewer tokens than a tile has rows, as in generation, there are too few workgroups.
func attentionTiles[S kernel.Sizes](of func(s S) (a kernel.Attention, left, right, passes uint32)) []variant[S] {
	return []variant[S]{{words: "vec.tiles", needs: sharing,
		when: func(s S) bool {
			a, _, _, _ := of(s)
			return a.T >= tileRows && fours(a)
		},
		work: func(_ traits, s S) work {
			a, left, right, passes := of(s)
			// A loop's end is a turn too; those that should be unrolled may not be.
			const lanes, wide, besides = 64, 8, 16 // wide: vectors of four that are staged at a time; each is a turn
			turns := besides + uint64(passes)*ceil(a.D/4, wide)*(3+wide)
			return work{items: ceil(left, tileRows) * uint64(a.KVHeads), lanes: lanes, spec: []uint32{a.D / 4},
				turns: tileRows + ceil(right, tileRows)*turns}
		}}}
}

// group is the number of query heads that share a key/value head.
func group(s kernel.Attention) uint32 { return s.Heads / s.KVHeads }

// fours tells whether rows and heads are whole vectors of four.
func fours(a kernel.Attention) bool {
	return (a.D|a.QStride|a.QOff|a.KVStride|a.KOff|a.VOff)%4 == 0
}

// perHead returns the variants for rows of attention heads. A workgroup per row pays where there are too few rows to
// keep a device busy: in generation, and for keys, which are few and used by many queries.
func perHead[S kernel.Sizes](of func(s S) (a kernel.Attention, rows, heads uint32, turns uint64)) []variant[S] {
	few := func(s S) bool {
		_, rows, heads, _ := of(s)
		return product(rows, heads) < 8192
	}
	vec := func(s S) bool {
		a, _, _, _ := of(s)
		return fours(a)
	}
	by := func(per uint32) func(t traits, s S) work {
		return func(t traits, s S) work {
			a, rows, heads, turns := of(s)
			return work{items: product(rows, heads), spec: []uint32{a.D / per}, turns: turns}
		}
	}
	return []variant[S]{
		{words: "vec.group", needs: sharing, when: func(s S) bool { return few(s) && vec(s) }, work: by(4)},
		{words: "group", needs: sharing, when: few, work: by(1)},
		{words: "vec", when: vec, work: by(4)},
		{work: by(1)},
	}
}

// scores is the cost of the scores of half the pairs of queries and keys, in FLOP.
func scores(s kernel.Attention) float64 {
	return float64(s.T) * float64(s.S) * float64(s.Heads) * float64(s.D)
}

func queries(name string, s kernel.Attention) operand {
	return strided(name, s.T, s.QStride, s.QOff, s.Heads*s.D)
}

func keysValues(name string, s kernel.Attention) operand {
	return strided(name, s.S, s.KVStride, max(s.KOff, s.VOff), s.KVHeads*s.D)
}

// both is the one tensor that holds queries, keys and values.
func both(name string, s kernel.Attention) operand {
	return operand{name: name, elems: max(queries("", s).elems, keysValues("", s).elems)}
}

func checkAttention(s kernel.Attention) error {
	if s.KVHeads == 0 || s.Heads%s.KVHeads != 0 {
		return fmt.Errorf("want heads that share key/value heads evenly, have %d and %d", s.Heads, s.KVHeads)
	}
	if s.D == 0 || s.D > maxHead {
		return fmt.Errorf("want a head size of 1 to %d, have %d", maxHead, s.D)
	}
	if product(s.Heads, s.D) > uint64(s.QStride) || product(s.KVHeads, s.D) > uint64(s.KVStride) {
		return fmt.Errorf("want rows that hold %d and %d heads of %d, have strides %d and %d",
			s.Heads, s.KVHeads, s.D, s.QStride, s.KVStride)
	}
	for _, c := range []struct {
		name               string
		off, heads, stride uint32
	}{{"q", s.QOff, s.Heads, s.QStride}, {"k", s.KOff, s.KVHeads, s.KVStride}, {"v", s.VOff, s.KVHeads, s.KVStride}} {
		if err := inRow(c.name, c.off, c.heads*s.D, c.stride); err != nil {
			return err
		}
	}
	return nil
}

func checkAttentionBack(s kernel.Attention) error {
	if err := checkAttention(s); err != nil {
		return err
	}
	if s.QStride != s.KVStride {
		return fmt.Errorf("want q, k and v in one tensor, have rows of %d and %d", s.QStride, s.KVStride)
	}
	if s.KOff < s.VOff+s.KVHeads*s.D && s.VOff < s.KOff+s.KVHeads*s.D {
		return fmt.Errorf("want k and v in different columns, have %d heads of %d from %d and %d on",
			s.KVHeads, s.D, s.KOff, s.VOff)
	}
	return nil
}
