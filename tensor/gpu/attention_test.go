package gpu

import (
	"fmt"
	"testing"

	"github.com/vulora/vulora/tensor/kernel"
)

// TestAttentionTiles runs attention by tiles on packed sequences that end within tiles and at their edges, with heads
// narrower than what is staged at a time, as wide, twice so, between, and the widest, and on a long sequence.
func TestAttentionTiles(t *testing.T) {
	d := open(t)
	for i, c := range []struct {
		heads, kvHeads, d int
		lengths           []int
	}{
		{3, 1, 4, []int{32}}, {2, 2, 32, []int{33}}, {5, 1, 36, []int{31, 2}}, {4, 2, 64, []int{1, 32, 1, 40, 3}},
		{2, 1, 72, []int{64}}, {1, 1, 128, []int{20, 45}}, {1, 1, maxHead, []int{33}}, {2, 1, 8, []int{3, 1100}},
	} {
		var lo, hi []int
		for _, n := range c.lengths {
			from := len(lo)
			for range n {
				lo, hi = append(lo, from), append(hi, len(lo)+1)
			}
		}
		for _, k := range attentionCase(uint64(40+i), c.heads, c.kvHeads, c.d, lo, hi) {
			t.Run(fmt.Sprintf("%s of %d %d %d %v", k.name, c.heads, c.kvHeads, c.d, c.lengths), func(t *testing.T) {
				run, tr := newRun(t, d, k), d.traits
				tr.shared = true
				steps, err := lower(tr, run.launch, d.scratch)
				if want := k.name + ".vec.tiles"; err != nil || steps[0].shader != want {
					t.Fatalf("want %s, have %v, %v", want, steps, err)
				}
				run.check(t, d, tr)
			})
		}
	}
}

// TestAttentionFew wants tiles only for as many tokens as one has rows, and for rows of whole vectors.
func TestAttentionFew(t *testing.T) {
	tr := traits{group: 128, shared: true, maxX: 65535, maxY: 65535, maxRange: 1 << 40}
	for _, c := range []struct {
		t, d uint32
		want string
	}{
		{1, 64, "attention.vec.group"}, {31, 64, "attention.vec.group"}, {32, 64, "attention.vec.tiles"},
		{4096, maxHead, "attention.vec.tiles"}, {32, 62, "attention.group"},
	} {
		steps, err := lower(tr, keysLaunch(kernel.Attention{T: c.t, S: 8192, Heads: 14, KVHeads: 2, D: c.d,
			QStride: 14 * c.d, KVStride: 4 * c.d, VOff: 2 * c.d}), kernel.Range{})
		if err != nil || steps[0].shader != c.want {
			t.Errorf("%d tokens, heads of %d: want %s, have %v, %v", c.t, c.d, c.want, steps, err)
		}
	}
}

// TestAttentionTurns takes the most keys for which tiles are chosen: on a device whose loops end, in silence, after so
// many turns none may be missed.
func TestAttentionTurns(t *testing.T) {
	d := open(t)
	tr := d.traits
	tr.shared = true
	const queries = tileRows
	keys := 1 << 17
	for ; keys > 1<<12; keys -= tileRows {
		steps, err := lower(tr, keysLaunch(cachedSizes(queries, keys)), d.scratch)
		if err == nil && steps[0].shader == "attention.vec.tiles" {
			break
		}
	}
	newRun(t, d, cachedAttention(queries, keys)).check(t, d, tr)
}

// keysLaunch is a launch of s without memory.
func keysLaunch(s kernel.Attention) kernel.Launch {
	words := func(n uint32) kernel.Range { return kernel.Range{Bytes: 4 * int64(n)} }
	bounds := words(2 * s.T)
	bounds.DType = kernel.I32
	return kernel.Launch{Sizes: s, Out: []kernel.Range{words(s.T * s.Heads * s.D), words(s.T * s.Heads)},
		In: []kernel.Range{words(s.T * s.QStride), words(s.S * s.KVStride), bounds}}
}
