package gpu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/vulora/vulora/shaders"
	"github.com/vulora/vulora/tensor/kernel"
	"github.com/vulora/vulora/vk"
)

// program is a kernel.Program.
type program struct {
	d        *Device
	commands *vk.Commands
	steps    []int // dispatches of each launch
	timed    bool
	times    []time.Duration
}

// Compile checks the launches, compiles the shaders that they need and were not needed before, and records them.
func (d *Device) Compile(list []kernel.Launch, o kernel.CompileOptions) (kernel.Program, error) {
	p := &program{d: d, timed: o.Profile && d.timed, steps: make([]int, len(list))}
	var steps []step
	var dispatches []vk.Dispatch
	for i, l := range list {
		s, err := lower(d.traits, l, d.scratch)
		if err != nil {
			return nil, fmt.Errorf("gpu: compile: %s: %w", l.Where, err)
		}
		for _, s := range s {
			x, err := d.dispatch(s)
			if err != nil {
				return nil, fmt.Errorf("gpu: compile: %s: %s: %w", l.Where, l.Sizes.Kernel(), err)
			}
			dispatches = append(dispatches, x)
		}
		steps, p.steps[i] = append(steps, s...), len(s)
	}
	if d.dry {
		return p, nil
	}
	if err := d.prepare(steps, dispatches); err != nil {
		return nil, fmt.Errorf("gpu: compile: %w", translate(err))
	}
	c, err := d.vk.Record(dispatches, vk.RecordOptions{Timestamps: p.timed})
	if err != nil {
		return nil, fmt.Errorf("gpu: compile: %w", translate(err))
	}
	p.commands = c
	return p, nil
}

// dispatch is a step without its pipeline.
func (d *Device) dispatch(s step) (vk.Dispatch, error) {
	x := vk.Dispatch{Name: s.launch.Where + ": " + s.shader, Groups: s.groups, Barrier: s.launch.Barrier, Cost: s.cost,
		Divisible: s.divisible}
	for _, list := range [][]kernel.Range{s.launch.Out, s.launch.In} {
		for i, r := range list {
			v, err := d.bind(r)
			if err != nil {
				return x, fmt.Errorf("operand %d: %w", i, err)
			}
			x.Bindings = append(x.Bindings, v)
		}
	}
	for len(x.Bindings) < s.bound {
		v, err := d.bind(d.scratch)
		if err != nil {
			return x, err
		}
		x.Bindings = append(x.Bindings, v)
	}
	var err error
	x.Push, err = binary.Append(nil, binary.LittleEndian, s.launch.Sizes)
	return x, err
}

// prepare sets the pipelines of dispatches. Those that are new are compiled on all processors.
func (d *Device) prepare(steps []step, dispatches []vk.Dispatch) error {
	type made struct {
		pipeline *vk.Pipeline
		err      error
	}
	pipelines := map[string]*made{}
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wait sync.WaitGroup
	for i, s := range steps {
		if pipelines[s.key()] != nil {
			continue
		}
		m := &made{}
		pipelines[s.key()] = m
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			m.pipeline, m.err = d.pipeline(s, len(dispatches[i].Push))
		})
	}
	wait.Wait()
	for i, s := range steps {
		m := pipelines[s.key()]
		if m.err != nil {
			return fmt.Errorf("%s: %w", s.launch.Where, m.err)
		}
		dispatches[i].Pipeline = m.pipeline
	}
	return nil
}

func (s step) key() string { return fmt.Sprint(s.shader, s.spec) }

func (d *Device) pipeline(s step, push int) (*vk.Pipeline, error) {
	code, err := shaders.SPIRV(s.shader)
	if err != nil {
		return nil, err
	}
	return d.vk.Pipeline(vk.PipelineConfig{Name: s.shader, SPIRV: code, Bindings: s.bound, PushBytes: push, Spec: s.spec,
		SubgroupSize: int(s.subgroup), FullSubgroups: s.subgroup != 0})
}

// Run runs the program and waits for it.
func (p *program) Run() error {
	if p.commands == nil {
		return errors.New("gpu: run: want a program, have one that was closed")
	}
	p.d.turn.Lock()
	defer p.d.turn.Unlock()
	if err := p.commands.Run(); err != nil {
		return fmt.Errorf("gpu: run: %w", translate(err))
	}
	return nil
}

// Times returns the time of each launch in the last run; nil without Profile, on a device that cannot tell, and before
// the first run.
func (p *program) Times() []time.Duration {
	if !p.timed || p.commands == nil {
		return nil
	}
	each, err := p.commands.Times()
	if err != nil {
		return nil
	}
	p.times = p.times[:0]
	for _, n := range p.steps {
		sum := time.Duration(0)
		for _, t := range each[:n] {
			sum += t
		}
		p.times, each = append(p.times, sum), each[n:]
	}
	return p.times
}

// Close frees the program. It is idempotent.
func (p *program) Close() error {
	if p.commands != nil {
		p.commands.Close()
		p.commands = nil
	}
	return nil
}
