package tokenizer

import (
	"hash/maphash"
	"math/bits"
	"strings"
	"sync/atomic"
)

// mergeTable maps pairs of ids to the rank of their merge and its result: open addressing, at most half full, because a
// look-up of a pair that does not merge is what encoding does most.
type mergeTable struct {
	slots []mergeSlot
	shift uint
}

type mergeSlot struct {
	pair  uint64 // left+1 in the high half, right in the low; 0 is an empty slot
	merge merge
}

// merge is the rank in the high half, the id of the result in the low: the smallest merges first.
type merge uint64

const noMerge = ^merge(0)

func (m merge) id() int32 { return int32(uint32(m)) }

func (m *mergeTable) init(count int) {
	n := max(bits.Len(uint(count))+1, 4)
	m.slots = make([]mergeSlot, 1<<n)
	m.shift = uint(64 - n)
}

// slot returns where pair is or would go. 0x9e37… is 2^64 over the golden ratio (Fibonacci hashing).
func (m *mergeTable) slot(pair uint64) *mergeSlot {
	mask := len(m.slots) - 1
	for i := int(pair * 0x9e3779b97f4a7c15 >> m.shift); ; i = (i + 1) & mask {
		if s := &m.slots[i]; s.pair == pair || s.pair == 0 {
			return s
		}
	}
}

func pairKey(left, right int32) uint64 { return uint64(left+1)<<32 | uint64(uint32(right)) }

func (m *mergeTable) set(left, right int32, rank uint32, id int32) {
	key := pairKey(left, right)
	*m.slot(key) = mergeSlot{key, merge(rank)<<32 | merge(uint32(id))}
}

func (m *mergeTable) get(left, right int32) merge {
	if s := m.slot(pairKey(left, right)); s.pair != 0 {
		return s.merge
	}
	return noMerge
}

// wordCache remembers the ids of short words. Each slot holds the last word of its hash, so its size is bounded and no
// lock is needed.
type wordCache struct {
	seed  maphash.Seed
	slots []atomic.Pointer[cachedWord]
}

const (
	cacheSlots    = 1 << 14
	maxCachedWord = 48 // bytes
)

type cachedWord struct {
	word string
	ids  []int32
}

func (c *wordCache) init() {
	c.seed = maphash.MakeSeed()
	c.slots = make([]atomic.Pointer[cachedWord], cacheSlots)
}

// maxShort is the longest word in bytes that is merged by scanning for the smallest merge again and again. Beyond it a
// heap keeps the cost at n·log n: a file of one long word must not take quadratic time.
const maxShort = 96

// appendWord appends the ids of a word.
func (t *Tokenizer) appendWord(dst []int32, word string) []int32 {
	if len(word) == 1 {
		return append(dst, t.byteID[word[0]])
	}
	if len(word) > maxCachedWord {
		return t.mergeWord(dst, word)
	}
	slot := &t.words.slots[maphash.String(t.words.seed, word)%cacheSlots]
	if c := slot.Load(); c != nil && c.word == word {
		return append(dst, c.ids...)
	}
	n := len(dst)
	dst = t.mergeWord(dst, word)
	slot.Store(&cachedWord{strings.Clone(word), append([]int32(nil), dst[n:]...)})
	return dst
}

func (t *Tokenizer) mergeWord(dst []int32, word string) []int32 {
	n := len(dst)
	for i := 0; i < len(word); i++ {
		dst = append(dst, t.byteID[word[i]])
	}
	if len(word) <= maxShort {
		return dst[:n+t.mergeShort(dst[n:])]
	}
	h := t.scratch.Get().(*heapMerge)
	n += h.run(&t.merges, dst[n:])
	t.scratch.Put(h)
	return dst[:n]
}

// mergeShort merges ids in place, smallest rank first and leftmost of equals, and returns how many are left.
func (t *Tokenizer) mergeShort(ids []int32) int {
	var merges [maxShort]merge // of each id with the next
	for i := 0; i+1 < len(ids); i++ {
		merges[i] = t.merges.get(ids[i], ids[i+1])
	}
	for n := len(ids); ; n-- {
		best, at := noMerge, -1
		for i, m := range merges[:max(n-1, 0)] {
			if m < best {
				best, at = m, i
			}
		}
		if at < 0 {
			return n
		}
		ids[at] = best.id()
		copy(ids[at+1:n-1], ids[at+2:n])
		copy(merges[at+1:n-1], merges[at+2:n])
		if at+2 < n {
			merges[at] = t.merges.get(ids[at], ids[at+1])
		}
		if at > 0 {
			merges[at-1] = t.merges.get(ids[at-1], ids[at])
		}
	}
}
