package gpu

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// attentionKernels: shaders/attention.comp, attention_back.comp, rope.comp, cache_write.comp.
var attentionKernels = []lowerer{
	entry[kernel.Attention]{
		check: checkAttention,
		operands: func(s kernel.Attention) (out, in []operand) {
			return []operand{floats("y", s.T, s.Heads, s.D), floats("lse", s.T, s.Heads)},
				[]operand{queries("q", s), keysValues("kv", s), ints("bounds", s.T, 2)}
		},
		flops: func(s kernel.Attention) float64 { return 2 * scores(s) },
		variants: perHead(func(s kernel.Attention) (kernel.Attention, uint32, uint32, uint64) {
			return s, s.T, s.Heads, uint64(s.S)
		}),
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
		variants: perHead(func(b kernel.AttentionBackQ) (kernel.Attention, uint32, uint32, uint64) {
			return kernel.Attention(b), b.T, b.Heads, uint64(b.S)
		}),
	},
	entry[kernel.AttentionBackKV]{
		check: func(b kernel.AttentionBackKV) error { return checkAttentionBack(kernel.Attention(b)) },
		operands: func(b kernel.AttentionBackKV) (out, in []operand) {
			s := kernel.Attention(b)
			return []operand{keysValues("dx", s)}, []operand{floats("dy", s.T, s.Heads, s.D), floats("lse", s.T, s.Heads),
				floats("delta", s.T, s.Heads), both("x", s), ints("users", s.S, 2)}
		},
		flops: func(b kernel.AttentionBackKV) float64 { return 4 * scores(kernel.Attention(b)) },
		variants: perHead(func(b kernel.AttentionBackKV) (kernel.Attention, uint32, uint32, uint64) {
			return kernel.Attention(b), b.S, b.KVHeads, uint64(b.Heads/b.KVHeads) * uint64(b.T)
		}),
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

// perHead returns the variants for rows of attention heads. A workgroup per row pays where there are too few rows to
// keep a device busy: in generation, and for keys, which are few and used by many queries.
func perHead[S kernel.Sizes](of func(s S) (a kernel.Attention, rows, heads uint32, turns uint64)) []variant[S] {
	few := func(s S) bool {
		_, rows, heads, _ := of(s)
		return product(rows, heads) < 8192
	}
	vec := func(s S) bool {
		a, _, _, _ := of(s)
		return (a.D|a.QStride|a.QOff|a.KVStride|a.KOff|a.VOff)%4 == 0
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
