package cpu

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/vulora/vulora/tensor/kernel"
)

// A program is a list of closures over typed operands.
type program struct {
	d       *Device
	steps   []step
	times   []time.Duration
	buffers []*buffer
	fault   fault
	closed  bool
}

type step struct {
	run   func()
	name  string
	where string
}

// A fault keeps the first complaint of a kernel about data that it found in memory.
type fault struct {
	mu  sync.Mutex
	err error
}

// report is called by workers. It allocates, which only a failing run pays for.
func (f *fault) report(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

func (f *fault) take() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.err
	f.err = nil
	return err
}

// Compile checks every launch against its contract and reports all that break it.
func (d *Device) Compile(l []kernel.Launch, o kernel.CompileOptions) (kernel.Program, error) {
	p := &program{d: d}
	seen := map[*buffer]bool{}
	each, shared := 0, 0
	var errs []error
	for i := range l {
		b := &builder{p: p, v: d.v, l: &l[i], seen: seen}
		if l[i].Sizes == nil {
			errs = append(errs, fmt.Errorf("cpu: %s: launch %d: want sizes, had none", l[i].Where, i))
			continue
		}
		run := b.kernel()
		if b.err != nil {
			errs = append(errs, fmt.Errorf("cpu: %s: %s: %w", l[i].Where, l[i].Sizes.Kernel(), b.err))
			continue
		}
		each, shared = max(each, b.each), max(shared, b.shared)
		p.steps = append(p.steps, step{run, l[i].Sizes.Kernel(), l[i].Where})
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for b := range seen {
		p.buffers = append(p.buffers, b)
	}
	if o.Profile {
		p.times = make([]time.Duration, len(l))
	}
	if err := d.reserve(each, shared); err != nil {
		return nil, fmt.Errorf("cpu: scratch: %w", err)
	}
	if d.dry {
		p.steps, p.closed = nil, true
	}
	return p, nil
}

// Run fails if an operand was freed, and with the first complaint about indices and labels found in memory; launches
// after the complaining one do not run.
func (p *program) Run() error {
	d := p.d
	d.run.Lock()
	defer d.run.Unlock()
	if p.closed || d.closed {
		return errors.New("cpu: run: want an open program on an open device, had a closed one")
	}
	for _, b := range p.buffers {
		if b.freed.Load() {
			return fmt.Errorf("cpu: run: want live operands, had a freed buffer of %d bytes for %v", b.bytes, b.purpose)
		}
	}
	for i := range p.steps {
		s := &p.steps[i]
		var start time.Time
		if p.times != nil {
			start = time.Now()
		}
		s.run()
		if p.times != nil {
			p.times[i] = time.Since(start)
		}
		if err := p.fault.take(); err != nil {
			return fmt.Errorf("cpu: %s: %s: %w", s.where, s.name, err)
		}
	}
	return nil
}

func (p *program) Times() []time.Duration { return p.times }

func (p *program) Close() error {
	p.d.run.Lock()
	defer p.d.run.Unlock()
	p.closed, p.steps, p.buffers = true, nil, nil
	return nil
}
