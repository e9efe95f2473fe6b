package tensor

import (
	"errors"
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// A Program is a compiled recording.
type Program = kernel.Program

// A Workspace is the memory of temporaries, shared by programs that run one after the other. Reserve the largest
// plan first: memory cannot grow under programs that use it.
type Workspace struct {
	device kernel.Device
	arenas []kernel.Buffer
}

// NewWorkspace returns a workspace without memory.
func NewWorkspace(d kernel.Device) *Workspace { return &Workspace{device: d} }

// Bytes returns the memory that is allocated.
func (w *Workspace) Bytes() (n int64) {
	for _, a := range w.arenas {
		n += a.Bytes()
	}
	return n
}

// Fits reports whether p can be compiled without Reserve.
func (w *Workspace) Fits(p *Plan) bool {
	for i, n := range p.arenas {
		if i >= len(w.arenas) || w.arenas[i].Bytes() < n {
			return false
		}
	}
	return true
}

// Reserve makes room for p. Memory that is too small is freed first: programs compiled before must have been closed
// if Fits(p) was false.
func (w *Workspace) Reserve(p *Plan) error {
	for i, n := range p.arenas {
		if i < len(w.arenas) && w.arenas[i].Bytes() >= n {
			continue
		}
		if i < len(w.arenas) {
			w.arenas[i].Free()
		}
		b, err := w.device.Alloc(n, kernel.Activations)
		if err != nil {
			w.Close()
			return fmt.Errorf("tensor: workspace of %d bytes: %w", p.Bytes(), err)
		}
		if i < len(w.arenas) {
			w.arenas[i] = b
		} else {
			w.arenas = append(w.arenas, b)
		}
	}
	return nil
}

// Compile makes p a program in this workspace.
func (w *Workspace) Compile(p *Plan, o kernel.CompileOptions) (Program, error) {
	if !w.Fits(p) {
		return nil, errors.New("tensor: compile: the workspace is too small for the plan: reserve it first")
	}
	l := make([]kernel.Launch, len(p.launches))
	for i, n := range p.launches {
		l[i] = kernel.Launch{Sizes: n.sizes, Out: w.ranges(p, n.out), In: w.ranges(p, n.in), Barrier: p.barrier[i],
			Where: n.where}
	}
	return w.device.Compile(l, o)
}

func (w *Workspace) ranges(p *Plan, x []*Value) []kernel.Range {
	out := make([]kernel.Range, len(x))
	for i, v := range x {
		s := p.span(v)
		b := s.buffer
		if b == nil {
			b = w.arenas[s.arena]
		}
		out[i] = kernel.Range{Buffer: b, Offset: s.from, Bytes: s.to - s.from, DType: v.DType}
	}
	return out
}

// Close frees the memory. Programs compiled in it must have been closed.
func (w *Workspace) Close() {
	for _, a := range w.arenas {
		a.Free()
	}
	w.arenas = nil
}
