package gpu

import (
	"strings"
	"testing"

	"github.com/vulora/vulora/tensor/kernel"
	"github.com/vulora/vulora/vk"
)

// discrete is a device as graphics cards are, with matrices of both types.
func discrete() vk.Info {
	sums := func(m, n, k int, c vk.Component) vk.MatrixShape {
		return vk.MatrixShape{M: m, N: n, K: k, A: c, B: c, C: vk.ComponentFloat32, Result: vk.ComponentFloat32}
	}
	half, group := sums(16, 16, 16, vk.ComponentFloat16), sums(16, 16, 32, vk.ComponentFloat16)
	half.C, half.Result, group.Workgroup = vk.ComponentFloat16, vk.ComponentFloat16, true
	return vk.Info{
		Kind: vk.Discrete,
		Limits: vk.Limits{MaxInvocations: 1024, MaxSharedMemory: 32 << 10, SubgroupSize: 32, MinSubgroup: 16,
			MaxSubgroup: 64, MaxGroups: [3]int{1<<31 - 1, 65535, 65535}, MaxBufferRange: 1<<32 - 1},
		Features: vk.Features{Matrix: true, BFloat16Matrix: true, Float16: true, SubgroupSize: true, FullSubgroups: true},
		Matrices: []vk.MatrixShape{sums(16, 8, 8, vk.ComponentFloat16), sums(16, 8, 16, vk.ComponentFloat16), half, group,
			sums(16, 8, 16, vk.ComponentBFloat16), sums(16, 16, 16, vk.ComponentBFloat16)},
	}
}

// TestMatrixChoice wants matrices to be used where device, precision and sizes allow it, and nowhere else.
func TestMatrixChoice(t *testing.T) {
	d := open(t)
	round := kernel.Linear{T: 512, N: 896, K: 896, YStride: 896, Precision: kernel.RoundBF16}
	exact, few, odd := round, round, round
	exact.Precision, few.T, odd.K = kernel.Exact, 15, 900
	for _, c := range []struct {
		name   string
		s      kernel.Linear
		change func(v *vk.Info, o *Options)
		want   string
	}{
		{"both", round, func(*vk.Info, *Options) {}, "linear.bf16.matrix"},
		{"float16", round, func(v *vk.Info, _ *Options) { v.Features.BFloat16Matrix = false }, "linear.bf16.matrix.half"},
		{"exact", exact, func(*vk.Info, *Options) {}, "linear.bf16.tiles"},
		{"few rows", few, func(*vk.Info, *Options) {}, "linear.bf16.tiles"},
		{"odd rows", odd, func(*vk.Info, *Options) {}, "linear.bf16.tiles"},
		{"no matrices", round, func(v *vk.Info, _ *Options) { v.Features.Matrix = false }, "linear.bf16.tiles"},
		{"any subgroups", round, func(v *vk.Info, _ *Options) { v.Features.FullSubgroups = false }, "linear.bf16.tiles"},
		{"no shape", round, func(v *vk.Info, _ *Options) { v.Matrices = v.Matrices[2:4] }, "linear.bf16.tiles"},
		{"little memory", round, func(v *vk.Info, _ *Options) { v.Limits.MaxSharedMemory = 4 << 10 }, "linear.bf16.vec"},
		{"not shared", round, func(_ *vk.Info, o *Options) { o.NoShared = true }, "linear.bf16.vec"},
		{"software", round, func(v *vk.Info, _ *Options) { v.Kind = vk.CPU }, "linear.bf16.vec"},
	} {
		v, o := discrete(), Options{}
		c.change(&v, &o)
		l := kernel.Launch{Sizes: c.s, Out: []kernel.Range{{Bytes: 4 * int64(c.s.T) * int64(c.s.N)}}, In: []kernel.Range{
			{Bytes: 4 * int64(c.s.T) * int64(c.s.K)}, {Bytes: 2 * int64(c.s.N) * int64(c.s.K), DType: kernel.BF16}}}
		steps, err := lower(choose(v, o), l, d.scratch)
		if err != nil {
			t.Fatal(err)
		}
		last := steps[len(steps)-1]
		matrix := strings.Contains(c.want, "matrix")
		if last.shader != c.want || matrix != describe(v, o).BF16 && c.s == round {
			t.Errorf("%s: want %s, have %s, and %+v", c.name, c.want, last.shader, describe(v, o))
		}
		if matrix && (last.subgroup != 32 || last.spec[0]%32 != 0 || !last.divisible) {
			t.Errorf("%s: want whole subgroups of 32, have %+v", c.name, last)
		}
		for _, s := range steps[1:] {
			if !s.launch.Barrier {
				t.Errorf("%s: %s: want a barrier before it", c.name, s.shader)
			}
		}
	}
}

// TestMatrixTiles checks that tiles cover the product, fit the device, and are not much larger than the product.
func TestMatrixTiles(t *testing.T) {
	for _, lanes := range []int{8, 16, 32, 64} {
		for _, memory := range []int{16 << 10, 32 << 10, 64 << 10} {
			v := discrete()
			v.Limits.SubgroupSize, v.Limits.MaxSharedMemory, v.Limits.MaxInvocations = lanes, memory, 512
			tr := choose(v, Options{})
			for _, c := range [][2]uint32{{16, 896}, {17, 896}, {40, 896}, {512, 896}, {512, 9728}, {4096, 151936}} {
				w := matrixWork(tr, tr.matrix, c[0], c[1], 896)
				tall, wide := w.spec[4]*w.spec[6]*w.spec[0], w.spec[5]*w.spec[7]*w.spec[1]
				x := matrixTile{w.spec[4], w.spec[5], w.spec[6] * w.spec[0], w.spec[7] * w.spec[1]}
				if w.lanes > 512 || w.lanes != uint32(lanes)*x.down*x.across || !x.fits(tr, tr.matrix) {
					t.Errorf("%d lanes, %d bytes: want tiles that fit, have %+v for %v", lanes, memory, w, c)
				}
				if w.items != ceil(c[0], tall)*ceil(c[1], wide) || tall >= 2*max(c[0], 16) {
					t.Errorf("%d lanes, %d bytes: want %v covered, have %d tiles of %d x %d", lanes, memory, c, w.items, tall, wide)
				}
			}
		}
	}
	intels := discrete()
	intels.Vendor = intel
	if have := choose(intels, Options{}).matrix; have != (shape{16, 16, 16, 16}) {
		t.Errorf("want Intel's smallest subgroups, have %+v", have)
	}
}
