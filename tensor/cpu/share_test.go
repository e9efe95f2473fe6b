package cpu

import (
	"fmt"
	"testing"
	"time"

	"github.com/vulora/vulora/tensor/kernel"
)

// BenchmarkShare is how much of the processor's peak a product reaches: the two run in turns, so that what else the
// machine does slows both. ns/op is the product alone.
func BenchmarkShare(b *testing.B) {
	for _, threads := range []int{1, 2} {
		for _, precision := range []uint32{kernel.Exact, kernel.RoundBF16} {
			for _, shape := range []struct{ N, K uint32 }{
				{896, 4864}, {9728, 896}, {896, 896}, {1152, 896}, {151936, 896},
			} {
				for _, back := range []bool{false, true} {
					op, T := "linear", uint32(1024)
					if back {
						op = "linear_back"
					}
					if shape.N > 1<<17 {
						T = 128
					}
					o := Options{Threads: threads, BF16: []BF16Mode{BF16Never, BF16Force}[precision]}
					name := fmt.Sprintf("op=%s/T=%d/N=%d/K=%d/products=%s/threads=%d", op, T, shape.N, shape.K,
						[]string{"f32", "bf16"}[precision], threads)
					b.Run(name, func(b *testing.B) { share(b, o, op, T, shape.N, shape.K, precision) })
				}
			}
		}
	}
}

func share(b *testing.B, o Options, op string, T, n, k, precision uint32) {
	if precision == kernel.RoundBF16 && available()[0].bf16 == nil {
		b.Skip("NOT TESTED: this processor has no bfloat16 products")
	}
	d, err := Open(o)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	operand := func(t kernel.DType, n uint32) kernel.Range {
		r := span(t, n)
		m, err := d.Alloc(r.Bytes, kernel.Activations)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(m.Free)
		fillBytes(m.(*buffer).data, int(t.Size()))
		r.Buffer = m
		return r
	}
	x, y, w := operand(kernel.F32, T*k), operand(kernel.F32, T*n), operand(kernel.BF16, n*k)
	l := kernel.Launch{Sizes: kernel.Linear{T: T, N: n, K: k, YStride: n, Precision: precision},
		Out: []kernel.Range{y}, In: []kernel.Range{x, w}, Where: "bench"}
	if op == "linear_back" {
		l.Sizes = kernel.LinearBack{T: T, N: n, K: k, YStride: n, Precision: precision}
		l.Out, l.In = []kernel.Range{x}, []kernel.Range{y, w}
	}
	const turns = 1 << 20
	items := uint32(8 * o.Threads)
	best := kernel.Launch{Sizes: kernel.Peak{Items: items, Turns: turns, Precision: precision},
		Out: []kernel.Range{operand(kernel.F32, items)}, Where: "peak"}
	product, peak := compiled(b, d, l), compiled(b, d, best)
	var took [2]time.Duration
	for b.Loop() {
		for i, p := range []kernel.Program{product, peak} {
			start := time.Now()
			if err := p.Run(); err != nil {
				b.Fatal(err)
			}
			took[i] += time.Since(start)
		}
	}
	flops := 2 * float64(T) * float64(n) * float64(k) * float64(b.N) / took[0].Seconds()
	most := 2 * float64(items) * turns * kernel.PeakOps * float64(b.N) / took[1].Seconds()
	b.ReportMetric(float64(took[0].Nanoseconds())/float64(b.N), "ns/op")
	b.ReportMetric(flops/1e9, "GFLOP/s")
	b.ReportMetric(100*flops/most, "%peak")
}

func compiled(b *testing.B, d *Device, l kernel.Launch) kernel.Program {
	p, err := d.Compile([]kernel.Launch{l}, kernel.CompileOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return p
}
