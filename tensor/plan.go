package tensor

import (
	"fmt"
	"slices"
	"sort"

	"github.com/vulora/vulora/tensor/kernel"
)

// A Plan is a recording with a place for every temporary and a barrier wherever one is needed. Its memory is known
// exactly before anything is allocated.
type Plan struct {
	launches []launch
	barrier  []bool
	at       map[*Value]place // of every root temporary
	arenas   []int64          // bytes
}

// A place is an offset in an arena, in bytes.
type place struct {
	arena  int
	offset int64
}

// A block is the memory of one temporary, or of several that take over from each other in place.
type block struct {
	bytes    int64
	from, to int // first and last launch that touches it
	place
}

// NewPlan plans what r recorded, or returns r's error.
func NewPlan(r *Recorder) (*Plan, error) {
	if r.err != nil {
		return nil, r.err
	}
	p := &Plan{at: map[*Value]place{}}
	owner := p.resolveInPlace(live(r.launches))
	blocks, order, err := p.lives(owner)
	if err != nil {
		return nil, err
	}
	if err := p.pack(order, r.info); err != nil {
		return nil, err
	}
	for v, b := range blocks {
		p.at[v] = b.place
	}
	p.findBarriers()
	return p, nil
}

// Bytes returns the memory of all arenas.
func (p *Plan) Bytes() (n int64) {
	for _, a := range p.arenas {
		n += a
	}
	return n
}

// Launches returns how many kernels one run launches.
func (p *Plan) Launches() int { return len(p.launches) }

// live returns the launches of l that something depends on: a block that is recorded again ends in what its backward
// does not read.
func live(l []launch) []launch {
	used := map[*Value]bool{} // roots that live launches read, or write to: that may be in place
	var kept []launch
	for _, n := range slices.Backward(l) {
		if !slices.ContainsFunc(n.out, func(v *Value) bool { root, _ := v.root(); return root.tensor != nil || used[root] }) {
			continue
		}
		for _, v := range n.operands() {
			root, _ := v.root()
			used[root] = true
		}
		kept = append(kept, n)
	}
	slices.Reverse(kept)
	return kept
}

// resolveInPlace fills p.launches from l, with a copy before each in-place launch whose operand is still needed, and
// returns which temporary each one took its memory from.
func (p *Plan) resolveInPlace(l []launch) map[*Value]*Value {
	last := map[*Value]int{}
	for i := range l {
		for _, v := range l[i].operands() {
			root, _ := v.root()
			last[root] = i
		}
	}
	owner := map[*Value]*Value{}
	for i, n := range l {
		if n.takes != nil {
			old, out := n.takes, n.out[0]
			free := old.base == nil && old.tensor == nil && out.base == nil && out.tensor == nil && last[old] == i
			if free && !readsPart(n.in, old) {
				for owner[old] != nil {
					old = owner[old]
				}
				owner[out] = old
			} else {
				words := u32(int(old.Bytes() / 4))
				p.launches = append(p.launches, launch{sizes: kernel.Copy{N: words}, out: vs(out), in: vs(old), where: n.where})
			}
			n.takes = nil
		}
		p.launches = append(p.launches, n)
	}
	return owner
}

// readsPart reports whether one of in lies in the memory of v.
func readsPart(in []*Value, v *Value) bool {
	return slices.ContainsFunc(in, func(x *Value) bool { root, _ := x.root(); return root == v })
}

func (l *launch) operands() []*Value {
	o := append(append([]*Value{}, l.out...), l.in...)
	if l.takes != nil {
		o = append(o, l.takes)
	}
	return o
}

// lives returns the block of every root temporary, and the blocks in the order of their first use.
func (p *Plan) lives(owner map[*Value]*Value) (map[*Value]*block, []*block, error) {
	blocks := map[*Value]*block{}
	written := map[*Value]bool{}
	var order []*block
	for i := range p.launches {
		l := &p.launches[i]
		touch := func(v *Value, write bool) error {
			root, _ := v.root()
			if root.tensor != nil {
				return nil
			}
			first := root
			if o := owner[root]; o != nil {
				first = o
			}
			if !write && !written[first] {
				return fmt.Errorf("tensor: plan: %s: %s reads a value that nothing has written", l.where, l.sizes.Kernel())
			}
			written[first] = true
			b := blocks[first]
			if b == nil {
				b = &block{bytes: first.Bytes(), from: i}
				blocks[first] = b
				order = append(order, b)
			}
			blocks[root] = b
			b.to = i
			return nil
		}
		for _, v := range l.in {
			if err := touch(v, false); err != nil {
				return nil, nil, err
			}
		}
		for _, v := range l.out {
			if err := touch(v, true); err != nil {
				return nil, nil, err
			}
		}
	}
	return blocks, order, nil
}

// pack gives each block, the largest first, the lowest place that is free for its whole life.
func (p *Plan) pack(order []*block, info kernel.Info) error {
	order = slices.Clone(order)
	sort.SliceStable(order, func(i, j int) bool { return order[i].bytes > order[j].bytes })
	align := max(info.Alignment, 4)
	var placed [][]*block // by arena, each sorted by offset
	for _, b := range order {
		size := (b.bytes + align - 1) / align * align
		if size > info.MaxAlloc || b.bytes > info.MaxRange {
			return fmt.Errorf("tensor: plan: want at most %d bytes for one value on %s, have %d: use shorter batches",
				min(info.MaxAlloc, info.MaxRange), info.Name, b.bytes)
		}
		for a := 0; ; a++ {
			if a == len(placed) {
				placed, p.arenas = append(placed, nil), append(p.arenas, 0)
			}
			at := gap(placed[a], b, size)
			if at+size > info.MaxAlloc {
				continue
			}
			b.place, b.bytes = place{a, at}, size
			p.arenas[a] = max(p.arenas[a], at+size)
			i := sort.Search(len(placed[a]), func(i int) bool { return placed[a][i].offset > at })
			placed[a] = slices.Insert(placed[a], i, b)
			break
		}
	}
	return nil
}

// gap returns the lowest offset with size bytes that no block of placed uses while b lives.
func gap(placed []*block, b *block, size int64) (at int64) {
	for _, q := range placed {
		if q.to < b.from || b.to < q.from {
			continue
		}
		if q.offset-at >= size {
			break
		}
		at = max(at, q.offset+q.bytes)
	}
	return at
}
