package cpu

import (
	"fmt"
	"testing"

	"github.com/vulora/vulora/tensor/kernel"
)

// bench runs one launch on operands of the given sizes, then on inputs with fixed contents, and reports flops as
// GFLOP/s, bytes as GB/s.
func bench(
	b *testing.B, o Options, s kernel.Sizes, flops, bytes float64, out, in []kernel.Range, fixed ...operand,
) {
	d, err := Open(o)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	fill := func(r []kernel.Range) {
		for i := range r {
			m, err := d.Alloc(r[i].Bytes, kernel.Activations)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(m.Free)
			r[i].Buffer = m
			fillBytes(m.(*buffer).data, int(max(1, r[i].DType.Size())))
		}
	}
	fill(out)
	fill(in)
	in = append([]kernel.Range{}, in...)
	for _, o := range fixed {
		in = append(in, put(b, d, o))
	}
	p, err := d.Compile([]kernel.Launch{{Sizes: s, Out: out, In: in, Where: "bench"}}, kernel.CompileOptions{})
	if err != nil {
		b.Fatal(err)
	}
	start := cpuSeconds()
	for b.Loop() {
		if err := p.Run(); err != nil {
			b.Fatal(err)
		}
	}
	report(b, start, flops, bytes)
}

// fillBytes makes elements of 2⁻⁷ … 2⁷ with any sign in every type.
func fillBytes(data []byte, size int) {
	for j := range data {
		if data[j] = byte(j*37 + j>>8); j%size == size-1 {
			data[j] = data[j]&0x83 | 0x3c
		}
	}
}

// report gives rates by the clock, and by processor time as what one undisturbed core does.
func report(b *testing.B, start, flops, bytes float64) {
	n, wall, busy := float64(b.N)/1e9, b.Elapsed().Seconds(), cpuSeconds()-start
	if flops > 0 {
		b.ReportMetric(flops*n/wall, "GFLOP/s")
		b.ReportMetric(flops*n/busy, "GFLOP/core-s")
	}
	if bytes > 0 {
		b.ReportMetric(bytes*n/wall, "GB/s")
		b.ReportMetric(bytes*n/busy, "GB/core-s")
	}
}

func span(t kernel.DType, n uint32) kernel.Range {
	return kernel.Range{Bytes: t.Bytes(int64(n)), DType: t}
}

func BenchmarkLinear(b *testing.B) {
	for _, shape := range []struct{ N, K uint32 }{{896, 896}, {9728, 896}, {896, 4864}, {151936, 896}} {
		for _, T := range []uint32{1, 2, 3, 4, 8, 128, 512, 1024} {
			if shape.N*T > 1<<25 {
				continue // the head is only used in chunks
			}
			for _, dt := range []kernel.DType{kernel.BF16, kernel.F32, kernel.NF4, kernel.I8} {
				for _, isa := range ISAs()[:1] {
					n, k := shape.N, shape.K
					flops := 2 * float64(T) * float64(n) * float64(k)
					x, y, w := span(kernel.F32, T*k), span(kernel.F32, T*n), []kernel.Range{span(dt, n*k)}
					switch dt {
					case kernel.NF4:
						w = append(w, span(kernel.F32, n*k/kernel.BlockSize))
					case kernel.I8:
						w = append(w, span(kernel.F32, n))
					}
					axes := fmt.Sprintf("/T=%d/N=%d/K=%d/dtype=%v/isa=%s", T, n, k, dt, isa)
					o := Options{ISA: isa, Threads: benchThreads}
					b.Run("op=linear"+axes, func(b *testing.B) {
						bench(b, o, kernel.Linear{T: T, N: n, K: k, YStride: n}, flops, float64(w[0].Bytes),
							[]kernel.Range{y}, append([]kernel.Range{x}, w...))
					})
					if T < 128 {
						continue
					}
					b.Run("op=linear_back"+axes, func(b *testing.B) {
						bench(b, o, kernel.LinearBack{T: T, N: n, K: k, YStride: n}, flops, float64(w[0].Bytes),
							[]kernel.Range{x}, append([]kernel.Range{y}, w...))
					})
				}
			}
		}
	}
}

// BenchmarkFewRows is a step of decoding: a few rows times each kind of weight, with the products that generation uses.
func BenchmarkFewRows(b *testing.B) {
	for _, shape := range []struct{ N, K uint32 }{{896, 896}, {9728, 896}, {896, 4864}, {151936, 896}} {
		for _, T := range []uint32{1, 2, 4, 8} {
			for _, dt := range []kernel.DType{kernel.BF16, kernel.NF4, kernel.I8} {
				n, k := shape.N, shape.K
				x, y, w := span(kernel.F32, T*k), span(kernel.F32, T*n), []kernel.Range{span(dt, n*k)}
				switch dt {
				case kernel.NF4:
					w = append(w, span(kernel.F32, n*k/kernel.BlockSize))
				case kernel.I8:
					w = append(w, span(kernel.F32, n))
				}
				b.Run(fmt.Sprintf("T=%d/N=%d/K=%d/dtype=%v", T, n, k, dt), func(b *testing.B) {
					bench(b, Options{}, kernel.Linear{T: T, N: n, K: k, YStride: n, Precision: kernel.RoundBF16}, 0,
						float64(w[0].Bytes), []kernel.Range{y}, append([]kernel.Range{x}, w...))
				})
			}
		}
	}
}

// benchThreads is 0 for all, and 1 to compare with the peak of one core.
const benchThreads = 0

// BenchmarkTile is what a product could reach at best: one tile over a panel in the first-level cache.
func BenchmarkTile(b *testing.B) {
	for _, v := range available() {
		b.Run("isa="+v.name, func(b *testing.B) {
			const k = 128
			s := aligned(v.mr*k + k*v.nr + v.mr*v.nr)
			start := cpuSeconds()
			for b.Loop() {
				v.tile(v.mr, k, address(s, 0), k, 1, address(s, v.mr*k), address(s, v.mr*k+k*v.nr), v.nr, 1, false)
			}
			report(b, start, float64(2*v.mr*v.nr*k), 0)
		})
	}
}

// BenchmarkAttention has the heads of Qwen2.5-0.5B and two packed sequences. Flops are those of the pairs that are
// used.
func BenchmarkAttention(b *testing.B) {
	for _, T := range []uint32{128, 512, 1024} {
		for precision, products := range []string{"f32", "bf16"} {
			lengths := []int{int(T) / 2, int(T) / 2}
			bounds, users := packed(int(T), lengths...)
			pairs := 0.0
			for i := range T {
				pairs += float64(bounds[2*i+1] - bounds[2*i])
			}
			s := kernel.Attention{T: T, S: T, Heads: 14, KVHeads: 2, D: 64, QStride: 1152, KVStride: 1152, KOff: 896,
				VOff: 1024, Scale: 0.125, Precision: uint32(precision)}
			x, y, l := span(kernel.F32, T*1152), span(kernel.F32, T*896), span(kernel.F32, T*14)
			flops := pairs * 14 * 64 * 2
			for _, c := range []struct {
				sizes   kernel.Sizes
				flops   float64
				out, in []kernel.Range
				pairs   []int
			}{
				{s, 2 * flops, []kernel.Range{y, l}, []kernel.Range{x, x}, bounds},
				{kernel.AttentionBackQ(s), 3 * flops, []kernel.Range{x, l}, []kernel.Range{y, y, l, x}, bounds},
				{kernel.AttentionBackKV(s), 4 * flops, []kernel.Range{x}, []kernel.Range{y, l, l, x}, users},
			} {
				b.Run(fmt.Sprintf("op=%s/T=%d/products=%s", c.sizes.Kernel(), T, products), func(b *testing.B) {
					fixed := i32s(c.pairs...)
					bench(b, Options{Threads: benchThreads}, c.sizes, c.flops, 0, c.out, c.in, fixed)
				})
			}
		}
	}
}

// BenchmarkRows is what a layer does besides products, per token of 1024.
func BenchmarkRows(b *testing.B) {
	const T = 1024
	f := func(n uint32) kernel.Range { return span(kernel.F32, n) }
	for _, c := range []struct {
		sizes   kernel.Sizes
		bytes   float64
		out, in []kernel.Range
		fixed   []operand
	}{
		{
			kernel.RMSNorm{Rows: T, Cols: 896, Eps: 1e-6}, 8 * T * 896,
			[]kernel.Range{f(T * 896), f(T)}, []kernel.Range{f(T * 896), f(896)}, nil,
		},
		{
			kernel.RMSNormBack{Rows: T, Cols: 896}, 12 * T * 896,
			[]kernel.Range{f(T * 896)}, []kernel.Range{f(T * 896), f(T * 896), f(896), f(T)}, nil,
		},
		{
			kernel.SwiGLU{T: T, F: 4864}, 12 * T * 4864,
			[]kernel.Range{f(T * 4864)}, []kernel.Range{f(T * 9728)}, nil,
		},
		{
			kernel.SwiGLUBack{T: T, F: 4864}, 20 * T * 4864,
			[]kernel.Range{f(T * 9728)}, []kernel.Range{f(T * 4864), f(T * 9728)}, nil,
		},
		{
			kernel.Dropout{N: T * 896, Drop: 1 << 28, KeepScale: 1.1}, 8 * T * 896,
			[]kernel.Range{f(T * 896)}, []kernel.Range{f(T * 896)}, []operand{i32s(1, 2, 3)},
		},
		{
			kernel.RoPE{T: T, Heads: 16, D: 64, Stride: 1152}, 8 * T * 1024,
			[]kernel.Range{f(T * 1152)}, nil, []operand{i32s(make([]int, T)...), between(newRand(1), 64, 0.7, 0.71)},
		},
		{
			kernel.CrossEntropy{Rows: 64, Cols: 151936}, 4 * 64 * 151936,
			[]kernel.Range{f(64 * 151936), f(64)}, nil, []operand{i32s(make([]int, 64)...), f32s(1)},
		},
		{
			kernel.AdamW{N: 1 << 20}, 28 << 20,
			[]kernel.Range{f(1 << 20), f(1 << 20), f(1 << 20)}, []kernel.Range{f(1 << 20), f(kernel.HyperLen)}, nil,
		},
		{
			kernel.MatMul{M: T, N: 8, K: 896, TransB: 1, LDA: 896, LDB: 896, LDC: 8, Alpha: 1}, 4 * T * 896,
			[]kernel.Range{f(T * 8)}, []kernel.Range{f(T * 896), f(8 * 896)}, nil,
		},
		{
			kernel.MatMul{M: T, N: 4864, K: 8, TransB: 1, LDA: 8, LDB: 8, LDC: 4864, Alpha: 1, Acc: 1}, 8 * T * 4864,
			[]kernel.Range{f(T * 4864)}, []kernel.Range{f(T * 8), f(8 * 4864)}, nil,
		},
		{
			kernel.MatMul{M: 8, N: 4864, K: T, TransA: 1, LDA: 8, LDB: 4864, LDC: 4864, Alpha: 1}, 4 * T * 4864,
			[]kernel.Range{f(8 * 4864)}, []kernel.Range{f(T * 8), f(T * 4864)}, nil,
		},
		{
			kernel.MatMul{M: 4864, N: 8, K: T, TransA: 1, LDA: 4864, LDB: 8, LDC: 8, Alpha: 1}, 4 * T * 4864,
			[]kernel.Range{f(8 * 4864)}, []kernel.Range{f(T * 4864), f(T * 8)}, nil,
		},
	} {
		name := "op=" + c.sizes.Kernel()
		if m, ok := c.sizes.(kernel.MatMul); ok {
			name += fmt.Sprintf("/M=%d/N=%d/K=%d", m.M, m.N, m.K)
		}
		b.Run(name, func(b *testing.B) {
			bench(b, Options{Threads: benchThreads}, c.sizes, 0, c.bytes, c.out, c.in, c.fixed...)
		})
	}
}
