package step

import (
	"strings"
	"time"

	"github.com/vulora/vulora/tensor/kernel"
)

// Watched is a device that adds up what its programs do. It is for one goroutine.
type Watched struct {
	kernel.Device
	done counts
}

// Watch returns d, watched.
func Watch(d kernel.Device) *Watched { return &Watched{Device: d} }

// counts are what one run of a program does, or the sum over runs.
type counts struct {
	launches, barriers int
	exact, rounded     float64        // FLOP of products by precision; attention's depend on data and are not in it
	weights            float64        // bytes of the matrices that products of the base model read
	layer              map[string]int // launches of one block by kernel, in the program that has most of them
	attention          time.Duration  // inside attention's kernels, if launches are measured
	roundsAttention    bool           // its factors are rounded as products' are
	inside             time.Duration  // from the start to the end of runs
}

// watchedLayer is the block whose launches are listed. The first has less to do in the backward pass.
const watchedLayer = "model.layers.1"

func (w *Watched) Compile(l []kernel.Launch, o kernel.CompileOptions) (kernel.Program, error) {
	p, err := w.Device.Compile(l, o)
	if err != nil {
		return nil, err
	}
	c := counts{launches: len(l), layer: map[string]int{}}
	attention := make([]bool, len(l))
	for i := range l {
		c.add(&l[i])
		attention[i] = strings.HasPrefix(l[i].Sizes.Kernel(), "attention")
	}
	return &program{Program: p, w: w, once: c, attention: attention}, nil
}

// add counts one launch.
func (c *counts) add(l *kernel.Launch) {
	if l.Barrier {
		c.barriers++
	}
	if l.Where == watchedLayer || strings.HasPrefix(l.Where, watchedLayer+".") {
		c.layer[l.Sizes.Kernel()]++
	}
	product := func(precision, m, n, k uint32) {
		flop := 2 * float64(m) * float64(n) * float64(k)
		if precision == kernel.RoundBF16 {
			c.rounded += flop
		} else {
			c.exact += flop
		}
	}
	switch s := l.Sizes.(type) {
	case kernel.Linear:
		product(s.Precision, s.T, s.N, s.K)
		c.weights += matrixBytes(l.In)
	case kernel.LinearBack:
		product(s.Precision, s.T, s.N, s.K)
		c.weights += matrixBytes(l.In)
	case kernel.Attention:
		c.roundsAttention = s.Precision == kernel.RoundBF16
	case kernel.MatMul:
		product(kernel.Exact, s.M, s.N, s.K)
	}
}

// matrixBytes is the size of a base weight, and its scales if it is quantised, among a product's operands.
func matrixBytes(in []kernel.Range) float64 {
	n := in[1].Bytes
	if in[1].DType.Quantized() {
		n += in[2].Bytes
	}
	return float64(n)
}

// sum adds what another run did.
func (c *counts) sum(x counts) {
	c.launches, c.barriers = c.launches+x.launches, c.barriers+x.barriers
	c.exact, c.rounded, c.weights = c.exact+x.exact, c.rounded+x.rounded, c.weights+x.weights
	c.inside, c.attention = c.inside+x.inside, c.attention+x.attention
	c.roundsAttention = c.roundsAttention || x.roundsAttention
	if len(x.layer) > len(c.layer) {
		c.layer = x.layer
	}
}

// program counts its runs.
type program struct {
	kernel.Program
	w         *Watched
	once      counts
	attention []bool // by launch
}

func (p *program) Run() error {
	start := time.Now()
	err := p.Program.Run()
	c := p.once
	c.inside = time.Since(start)
	for i, t := range p.Times() {
		if p.attention[i] {
			c.attention += t
		}
	}
	p.w.done.sum(c)
	return err
}

// take returns what was done since the last call.
func (w *Watched) take() counts {
	c := w.done
	w.done = counts{}
	return c
}
