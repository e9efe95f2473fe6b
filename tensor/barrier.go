package tensor

import "github.com/vulora/vulora/tensor/kernel"

// A span is a stretch of memory: of a buffer, or of an arena that has none yet.
type span struct {
	buffer   kernel.Buffer
	arena    int
	from, to int64
}

func (s span) hits(t span) bool {
	return s.buffer == t.buffer && s.arena == t.arena && s.from < t.to && t.from < s.to
}

func (p *Plan) span(v *Value) span {
	root, at := v.root()
	if t := root.tensor; t != nil {
		return span{t.Buffer, -1, t.Offset + at, t.Offset + at + v.Bytes()}
	}
	q := p.at[root]
	return span{nil, q.arena, q.offset + at, q.offset + at + v.Bytes()}
}

// findBarriers marks the launches that must wait for the ones before them: those that read or write what a launch
// since the last barrier wrote, or write what one read. The first launch needs none: the end of a run is a barrier.
func (p *Plan) findBarriers() {
	p.barrier = make([]bool, len(p.launches))
	var reads, writes []span
	for i := range p.launches {
		l := &p.launches[i]
		need := false
		for _, v := range l.in {
			need = need || hitsAny(p.span(v), writes)
		}
		for _, v := range l.out {
			need = need || hitsAny(p.span(v), writes) || hitsAny(p.span(v), reads)
		}
		if need {
			reads, writes = reads[:0], writes[:0]
		}
		for _, v := range l.in {
			reads = append(reads, p.span(v))
		}
		for _, v := range l.out {
			writes = append(writes, p.span(v))
		}
		p.barrier[i] = need
	}
}

func hitsAny(s span, in []span) bool {
	for _, t := range in {
		if s.hits(t) {
			return true
		}
	}
	return false
}
