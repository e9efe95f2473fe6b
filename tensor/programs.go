package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// mostPrograms bounds what Programs keeps: a program has some kilobytes for each of its launches.
const mostPrograms = 64

// Programs keeps compiled programs by key in one workspace. It closes them all when a larger plan needs the memory to
// grow, so ask for the largest first, and when there are too many.
type Programs[K comparable] struct {
	device  kernel.Device
	options kernel.CompileOptions
	space   *Workspace
	made    map[K]Compiled
}

// Compiled is a program and what it is.
type Compiled struct {
	Program
	Launches int   // kernels in one run
	Bytes    int64 // of temporaries
	sizes    []kernel.Sizes
}

// NewPrograms returns an empty set of programs for d.
func NewPrograms[K comparable](d kernel.Device, o kernel.CompileOptions) *Programs[K] {
	return &Programs[K]{device: d, options: o, space: NewWorkspace(d), made: map[K]Compiled{}}
}

// Get returns the program for key, and makes it from what record records if there is none.
func (s *Programs[K]) Get(key K, record func(r *Recorder)) (Compiled, error) {
	if p, ok := s.made[key]; ok {
		return p, nil
	}
	r := NewRecorder(s.device)
	record(r)
	plan, err := NewPlan(r)
	if err != nil {
		return Compiled{}, err
	}
	if fits := s.space.Fits(plan); !fits || len(s.made) >= mostPrograms {
		if err := s.closePrograms(); err != nil {
			return Compiled{}, err
		}
		if err := s.space.Reserve(plan); err != nil {
			return Compiled{}, err
		}
	}
	p, err := s.space.Compile(plan, s.options)
	if err != nil {
		return Compiled{}, fmt.Errorf("tensor: compile: %w", err)
	}
	c := Compiled{Program: p, Launches: plan.Launches(), Bytes: plan.Bytes()}
	if s.options.Profile {
		for i := range plan.launches {
			c.sizes = append(c.sizes, plan.launches[i].sizes)
		}
	}
	s.made[key] = c
	return c, nil
}

// Bytes returns the memory of the workspace.
func (s *Programs[K]) Bytes() int64 { return s.space.Bytes() }

func (s *Programs[K]) closePrograms() (err error) {
	for k, p := range s.made {
		if e := p.Close(); e != nil && err == nil {
			err = e
		}
		delete(s.made, k)
	}
	return err
}

// Close closes the programs and frees their memory. It may be called more than once.
func (s *Programs[K]) Close() error {
	err := s.closePrograms()
	s.space.Close()
	return err
}
