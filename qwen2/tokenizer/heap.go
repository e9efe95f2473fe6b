package tokenizer

// heapMerge merges long words: a heap of the possible merges over a doubly linked list of ids.
type heapMerge struct {
	next, prev []int32
	heap       []candidate
}

// candidate is a merge of left at position pos with right behind it. It is stale once either has merged otherwise.
type candidate struct {
	merge            merge
	pos, left, right int32
}

func (c candidate) before(d candidate) bool {
	return c.merge>>32 < d.merge>>32 || c.merge>>32 == d.merge>>32 && c.pos < d.pos
}

// maxScratch is the largest heap kept for the next word, in candidates.
const maxScratch = 1 << 16

// run merges ids in place and returns how many are left.
func (h *heapMerge) run(merges *mergeTable, ids []int32) int {
	n := len(ids)
	h.next, h.prev, h.heap = h.next[:0], h.prev[:0], h.heap[:0]
	for i := range ids {
		h.next, h.prev = append(h.next, int32(i+1)), append(h.prev, int32(i-1))
	}
	consider := func(i int32) {
		if j := h.next[i]; int(j) < n {
			if m := merges.get(ids[i], ids[j]); m != noMerge {
				h.push(candidate{m, i, ids[i], ids[j]})
			}
		}
	}
	for i := range ids {
		consider(int32(i))
	}
	for len(h.heap) > 0 {
		c := h.pop()
		j := h.next[c.pos]
		if ids[c.pos] != c.left || int(j) >= n || ids[j] != c.right {
			continue
		}
		ids[c.pos], ids[j] = c.merge.id(), -1
		h.next[c.pos] = h.next[j]
		if k := h.next[j]; int(k) < n {
			h.prev[k] = c.pos
		}
		if p := h.prev[c.pos]; p >= 0 {
			consider(p)
		}
		consider(c.pos)
	}
	left := 0
	for _, id := range ids {
		if id >= 0 {
			ids[left] = id
			left++
		}
	}
	if cap(h.heap) > maxScratch {
		*h = heapMerge{}
	}
	return left
}

func (h *heapMerge) push(c candidate) {
	h.heap = append(h.heap, c)
	for i := len(h.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h.heap[i].before(h.heap[parent]) {
			return
		}
		h.heap[i], h.heap[parent] = h.heap[parent], h.heap[i]
		i = parent
	}
}

func (h *heapMerge) pop() candidate {
	top, last := h.heap[0], len(h.heap)-1
	h.heap[0] = h.heap[last]
	h.heap = h.heap[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return top
		}
		if child+1 < last && h.heap[child+1].before(h.heap[child]) {
			child++
		}
		if !h.heap[child].before(h.heap[i]) {
			return top
		}
		h.heap[i], h.heap[child] = h.heap[child], h.heap[i]
		i = child
	}
}
