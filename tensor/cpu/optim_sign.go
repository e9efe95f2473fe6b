package cpu

import "github.com/vulora/vulora/tensor/kernel"

// The steps of SGD and Lion: a few flops for each element, which memory bounds, so that they have no assembly.

// decayed returns a closure that calls step for the blocks of n elements, in parts that have weight decay or have none.
func (b *builder) decayed(n, decay uint32, hyper []float32, step func(i, j int, decay float32)) func() {
	if decay > n {
		b.fail("want decay of at most %d elements, had %d", n, decay)
		return nil
	}
	cut := int(decay)
	return b.eachBlock(n, func(i, j int) {
		k := min(max(cut, i), j)
		step(i, k, hyper[kernel.HyperDecay])
		step(k, j, 0)
	})
}

func sgd(b *builder, s kernel.SGD) func() {
	b.want(1, 2)
	if b.err != nil {
		return nil
	}
	p, g := b.f32("p", b.l.Out[0], uint64(s.N)), b.f32("g", b.l.In[0], uint64(s.N))
	hyper := b.f32("hyper", b.l.In[1], kernel.HyperLen)
	if !b.ok() {
		return nil
	}
	return b.decayed(s.N, s.Decay, hyper, func(i, j int, decay float32) {
		lr := hyper[kernel.HyperLR]
		p, g := p[i:j], g[i:j]
		for i, d := range g {
			p[i] -= lr * (d + decay*p[i])
		}
	})
}

// slabs are the operands of an optimizer with one moment.
func (b *builder) slabs(n uint32) (p, m, g, hyper []float32) {
	b.want(2, 2)
	if b.err != nil {
		return nil, nil, nil, nil
	}
	return b.f32("p", b.l.Out[0], uint64(n)), b.f32("m", b.l.Out[1], uint64(n)), b.f32("g", b.l.In[0], uint64(n)),
		b.f32("hyper", b.l.In[1], kernel.HyperLen)
}

func sgdMomentum(b *builder, s kernel.SGDMomentum) func() {
	p, m, g, hyper := b.slabs(s.N)
	if !b.ok() {
		return nil
	}
	return b.decayed(s.N, s.Decay, hyper, func(i, j int, decay float32) {
		lr, beta, rest := hyper[kernel.HyperLR], hyper[kernel.HyperBeta1], hyper[kernel.HyperRest1]
		p, m, g := p[i:j], m[i:j], g[i:j]
		for i, d := range g {
			d += decay * p[i]
			first := beta*m[i] + rest*d
			m[i] = first
			if s.Nesterov != 0 {
				first = d + beta*first
			}
			p[i] -= lr * first
		}
	})
}

func lion(b *builder, s kernel.Lion) func() {
	p, m, g, hyper := b.slabs(s.N)
	if !b.ok() {
		return nil
	}
	return b.decayed(s.N, s.Decay, hyper, func(i, j int, decay float32) {
		lr, keep := hyper[kernel.HyperLR], 1-hyper[kernel.HyperLR]*decay
		beta1, rest1 := hyper[kernel.HyperBeta1], hyper[kernel.HyperRest1]
		beta2, rest2 := hyper[kernel.HyperBeta2], hyper[kernel.HyperRest2]
		p, m, g := p[i:j], m[i:j], g[i:j]
		for i, d := range g {
			x := p[i] * keep
			switch u := beta1*m[i] + rest1*d; {
			case u > 0:
				x -= lr
			case u < 0:
				x += lr
			}
			p[i], m[i] = x, beta2*m[i]+rest2*d
		}
	})
}
