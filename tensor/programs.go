package tensor

import (
	"errors"
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// mostLaunches bounds what Programs keeps: a program has about a kilobyte for each of its launches, and takes some
// microseconds for each to be made again.
const mostLaunches = 1 << 14

// Programs keeps compiled programs by key in one workspace. It closes them all when a larger plan needs the memory to
// grow, so ask for the largest first, and those that were not used for longest when there are too many.
type Programs[K comparable] struct {
	device  kernel.Device
	options kernel.CompileOptions
	space   *Workspace
	made    map[K]*kept
	uses    int
}

type kept struct {
	Compiled
	used int // the number of its last use
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
	return &Programs[K]{device: d, options: o, space: NewWorkspace(d), made: map[K]*kept{}}
}

// Get returns the program for key, and makes it from what record records if there is none.
func (s *Programs[K]) Get(key K, record func(r *Recorder)) (Compiled, error) {
	s.uses++
	if p, ok := s.made[key]; ok {
		p.used = s.uses
		return p.Compiled, nil
	}
	r := NewRecorder(s.device)
	record(r)
	plan, err := NewPlan(r)
	if err != nil {
		return Compiled{}, err
	}
	if !s.space.Fits(plan) {
		if err := s.closePrograms(); err != nil {
			return Compiled{}, err
		}
		if err := s.space.Reserve(plan); err != nil {
			return Compiled{}, err
		}
	}
	if err := s.makeRoom(plan.Launches()); err != nil {
		return Compiled{}, err
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
	s.made[key] = &kept{c, s.uses}
	return c, nil
}

// Bytes returns the memory of the workspace.
func (s *Programs[K]) Bytes() int64 { return s.space.Bytes() }

// makeRoom closes programs, the one that was not used for longest first, until one of some launches may be added.
func (s *Programs[K]) makeRoom(launches int) (err error) {
	for len(s.made) > 0 && err == nil {
		var oldest K
		all, first := launches, s.uses
		for k, p := range s.made {
			if all += p.Launches; p.used < first {
				oldest, first = k, p.used
			}
		}
		if all <= mostLaunches {
			return nil
		}
		err = s.made[oldest].Close()
		delete(s.made, oldest)
	}
	return err
}

func (s *Programs[K]) closePrograms() (err error) {
	for k, p := range s.made {
		err = errors.Join(err, p.Close())
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
