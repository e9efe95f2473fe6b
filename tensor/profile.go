package tensor

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/vulora/vulora/tensor/kernel"
)

// A Profile adds up how long launches took, by kernel, and by shape for products. The zero value is empty.
type Profile struct{ work map[string]*Work }

// Work is what launches of one kind did.
type Work struct {
	Kernel   string // "linear 9728×896": N and K of the weight; of other products M×N×K
	Launches int
	Time     time.Duration
	Flops    float64 // 0 where they depend on the data, or are not what takes time
}

// Add adds the last run of a program that was compiled with Profile. Devices that cannot measure launches add nothing.
func (p *Profile) Add(c Compiled) {
	times := c.Times()
	if len(times) != len(c.sizes) {
		return
	}
	if p.work == nil {
		p.work = map[string]*Work{}
	}
	for i, s := range c.sizes {
		name, flops := describeWork(s)
		w := p.work[name]
		if w == nil {
			w = &Work{Kernel: name}
			p.work[name] = w
		}
		w.Launches++
		w.Time += times[i]
		w.Flops += flops
	}
}

// Work returns what was added, what took longest first.
func (p *Profile) Work() []Work {
	var all []Work
	for _, w := range p.work {
		all = append(all, *w)
	}
	slices.SortFunc(all, func(a, b Work) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Kernel, b.Kernel))
	})
	return all
}

func describeWork(s kernel.Sizes) (name string, flops float64) {
	product := func(m, n, k uint32) float64 { return 2 * float64(m) * float64(n) * float64(k) }
	switch s := s.(type) {
	case kernel.Linear:
		return fmt.Sprintf("%s %d×%d", s.Kernel(), s.N, s.K), product(s.T, s.N, s.K)
	case kernel.LinearBack:
		return fmt.Sprintf("%s %d×%d", s.Kernel(), s.N, s.K), product(s.T, s.N, s.K)
	case kernel.MatMul:
		return fmt.Sprintf("%s %s", s.Kernel(), matMulShape(s)), product(s.M, s.N, s.K)
	}
	return s.Kernel(), 0
}

// matMulShape leaves out the lengths that are tokens: they differ from batch to batch.
func matMulShape(s kernel.MatMul) string {
	if s.TransA != 0 {
		return fmt.Sprintf("%d×%d×T", s.M, s.N)
	}
	return fmt.Sprintf("T×%d×%d", s.N, s.K)
}
