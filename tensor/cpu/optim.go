package cpu

import (
	"math"

	"github.com/vulora/vulora/tensor/kernel"
)

func gradNorm(b *builder, s kernel.GradNorm) func() {
	b.want(1, 2)
	if b.err != nil {
		return nil
	}
	stats := b.f32("stats", b.l.Out[0], 4)
	g, hyper := b.f32("g", b.l.In[0], uint64(s.N)), b.f32("hyper", b.l.In[1], kernel.HyperLen)
	if !b.ok() {
		return nil
	}
	v := b.v
	squares := make([]float32, (len(g)+elementBlock-1)/elementBlock)
	blocks := b.eachBlock(s.N, func(i, j int) { squares[i/elementBlock] = v.dot(g[i:j], g[i:j]) })
	return func() {
		blocks()
		total := 0.0
		for _, q := range squares {
			total += float64(q)
		}
		norm := float32(math.Sqrt(float64(float32(total))))
		coefficient := float32(1)
		if most := hyper[kernel.HyperMaxNorm]; !math.IsInf(float64(most), 1) {
			coefficient = min(1, most/(norm+1e-6))
		}
		stats[0], stats[1], stats[2], stats[3] = norm, coefficient, 0, 0
		if !finite(norm) && !allFinite(g) {
			stats[2] = 1
		}
	}
}

func finite(x float32) bool { return x-x == 0 }

func allFinite(x []float32) bool {
	for _, v := range x {
		if !finite(v) {
			return false
		}
	}
	return true
}

func clip(b *builder, s kernel.Clip) func() {
	b.want(1, 1)
	if b.err != nil {
		return nil
	}
	g, stats := b.f32("g", b.l.Out[0], uint64(s.N)), b.f32("stats", b.l.In[0], 4)
	if !b.ok() {
		return nil
	}
	v := b.v
	return b.eachBlock(s.N, func(i, j int) { v.scale(g[i:j], stats[1]) })
}

func adamW(b *builder, s kernel.AdamW) func() {
	b.want(3, 2)
	if b.err != nil {
		return nil
	}
	n := uint64(s.N)
	p, m, v := b.f32("p", b.l.Out[0], n), b.f32("m", b.l.Out[1], n), b.f32("v", b.l.Out[2], n)
	g, hyper := b.f32("g", b.l.In[0], n), b.f32("hyper", b.l.In[1], kernel.HyperLen)
	if s.Decay > s.N {
		b.fail("want decay of at most %d elements, had %d", s.N, s.Decay)
	}
	if !b.ok() {
		return nil
	}
	set, decay := b.v, int(s.Decay)
	decaying, plain := new(adamStep), new(adamStep)
	blocks := b.eachBlock(s.N, func(i, j int) {
		cut := min(max(decay, i), j)
		set.adamw(p[i:cut], m[i:cut], v[i:cut], g[i:cut], decaying)
		set.adamw(p[cut:j], m[cut:j], v[cut:j], g[cut:j], plain)
	})
	return func() {
		*plain = adamStep{
			keep:  1,
			beta1: hyper[kernel.HyperBeta1], rest1: hyper[kernel.HyperRest1],
			beta2: hyper[kernel.HyperBeta2], rest2: hyper[kernel.HyperRest2],
			step: hyper[kernel.HyperLR] / hyper[kernel.HyperBias1], root2: hyper[kernel.HyperBias2Root],
			eps: hyper[kernel.HyperEps],
		}
		*decaying = *plain
		decaying.keep = 1 - hyper[kernel.HyperLR]*hyper[kernel.HyperDecay]
		blocks()
	}
}
