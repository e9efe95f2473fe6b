package gpu

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/vulora/vulora/tensor/kernel"
)

// BenchmarkLinear has the products of Qwen2.5-0.5B: q|k|v, o, gate|up, down and the head, in decoding and in
// training. Each is verified at some places before it is timed.
func BenchmarkLinear(b *testing.B) {
	for _, shape := range [][2]int{{1152, 896}, {896, 896}, {9728, 896}, {896, 4864}, {151936, 896}} {
		for _, tokens := range []int{1, 8, 32, 128, 512} {
			for _, dt := range []kernel.DType{kernel.BF16, kernel.NF4, kernel.I8} {
				n, k := shape[0], shape[1]
				if n*k*tokens > 1<<34 {
					continue // the head is only used in chunks
				}
				axes := fmt.Sprintf("/T=%d/N=%d/K=%d/dtype=%v", tokens, n, k, dt)
				b.Run("op=linear"+axes, func(b *testing.B) { benchLinear(b, dt, tokens, n, k, false) })
				if tokens > 8 {
					b.Run("op=linear_back"+axes, func(b *testing.B) { benchLinear(b, dt, tokens, n, k, true) })
				}
			}
		}
	}
}

func benchLinear(b *testing.B, dt kernel.DType, tokens, n, k int, back bool) {
	d := open(b)
	rng := rand.New(rand.NewPCG(1, 1))
	w := newMatrix(b, d, rng, dt, n, k)
	l := kernel.Launch{Where: "bench"}
	t32, n32, k32 := uint32(tokens), uint32(n), uint32(k)
	x, in := benchFloats(b, d, rng, tokens*k)
	l.Sizes = kernel.Linear{T: t32, N: n32, K: k32, YStride: n32}
	cols, terms := n, k
	if back {
		x, in = benchFloats(b, d, rng, tokens*n)
		l.Sizes = kernel.LinearBack{T: t32, N: n32, K: k32, YStride: n32}
		cols, terms = k, n
	}
	out := benchRange(b, d, make([]byte, 4*tokens*cols), kernel.F32)
	l.Out, l.In = []kernel.Range{out}, append([]kernel.Range{in}, w.operands...)
	benchRun(b, d, l, 2*float64(tokens)*float64(n)*float64(k), func() error {
		for range 200 {
			t, c := rng.IntN(tokens), rng.IntN(cols)
			want, size := 0.0, 0.0
			for i := range terms {
				row, col := c, i
				if back {
					row, col = i, c
				}
				v := w.at(row, col) * float64(x[t*terms+i])
				want, size = want+v, size+math.Abs(v)
			}
			word := make([]byte, 4)
			if err := out.Buffer.Read(int64(4*(t*cols+c)), word); err != nil {
				return err
			}
			have := float64(math.Float32frombits(binary.LittleEndian.Uint32(word)))
			if !(math.Abs(have-want) <= size*float64(terms)*eps) {
				return fmt.Errorf("element %d, %d: want %g, have %g", t, c, want, have)
			}
		}
		return nil
	})
}

// BenchmarkAttention has the heads of Qwen2.5-0.5B and two packed sequences. FLOP are those of the pairs that are used.
func BenchmarkAttention(b *testing.B) {
	const heads, kv, size, width = 14, 2, 64, 18 * 64
	for _, tokens := range []int{128, 512, 1024, 2048} {
		d := open(b)
		rng := rand.New(rand.NewPCG(1, 1))
		var bounds, users []float64
		pairs := 0.0
		for i := range tokens {
			start := i / (tokens / 2) * (tokens / 2)
			bounds, users = append(bounds, float64(start), float64(i+1)), append(users, float64(i), float64(start+tokens/2))
			pairs += float64(i + 1 - start)
		}
		s := kernel.Attention{T: uint32(tokens), S: uint32(tokens), Heads: heads, KVHeads: kv, D: size, QStride: width,
			KVStride: width, KOff: heads * size, VOff: (heads + kv) * size, Scale: 0.125}
		_, x := benchFloats(b, d, rng, tokens*width)
		_, dy := benchFloats(b, d, rng, tokens*heads*size)
		_, y := benchFloats(b, d, rng, tokens*heads*size)
		_, lse := benchFloats(b, d, rng, tokens*heads)
		_, delta := benchFloats(b, d, rng, tokens*heads)
		_, dx := benchFloats(b, d, rng, tokens*width)
		lo := benchRange(b, d, i32(bounds...).bytes(), kernel.I32)
		hi := benchRange(b, d, i32(users...).bytes(), kernel.I32)
		for _, c := range []struct {
			sizes   kernel.Sizes
			work    float64
			out, in []kernel.Range
		}{
			{s, 4, []kernel.Range{y, lse}, []kernel.Range{x, x, lo}},
			{kernel.AttentionBackQ(s), 6, []kernel.Range{dx, delta}, []kernel.Range{dy, y, lse, x, lo}},
			{kernel.AttentionBackKV(s), 8, []kernel.Range{dx}, []kernel.Range{dy, lse, delta, x, hi}},
		} {
			b.Run(fmt.Sprintf("op=%s/T=%d", c.sizes.Kernel(), tokens), func(b *testing.B) {
				l := kernel.Launch{Sizes: c.sizes, Out: c.out, In: c.in, Where: "bench"}
				benchRun(b, d, l, c.work*pairs*heads*size, func() error { return nil })
			})
		}
	}
}

// benchRun compiles a launch, verifies its result and times it.
func benchRun(b *testing.B, d *Device, l kernel.Launch, flops float64, verify func() error) {
	p, err := d.Compile([]kernel.Launch{l}, kernel.CompileOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	if err := p.Run(); err != nil {
		b.Fatal(err)
	}
	if err := verify(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := p.Run(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(flops*float64(b.N)/1e9/b.Elapsed().Seconds(), "GFLOP/s")
}

// matrix is a weight on the device, and what its elements mean.
type matrix struct {
	dtype    kernel.DType
	k        int
	data     []byte
	scales   []float32
	operands []kernel.Range
}

func newMatrix(b *testing.B, d *Device, rng *rand.Rand, dt kernel.DType, n, k int) *matrix {
	m := &matrix{dtype: dt, k: k, data: make([]byte, dt.Bytes(int64(n*k)))}
	for i := range m.data {
		m.data[i] = byte(rng.Uint32())
		if dt == kernel.BF16 && i%2 == 1 {
			m.data[i] = m.data[i]&0x83 | 0x3c // 2⁻⁷ … 2⁷
		}
	}
	m.operands = []kernel.Range{benchRange(b, d, m.data, dt)}
	switch {
	case fourBits(dt):
		m.scales = make([]float32, n*k/kernel.BlockSize)
	case dt == kernel.I8:
		m.scales = make([]float32, n)
	default:
		return m
	}
	for i := range m.scales {
		m.scales[i] = rng.Float32()
	}
	bytes, _ := binary.Append(nil, binary.LittleEndian, m.scales)
	m.operands = append(m.operands, benchRange(b, d, bytes, kernel.F32))
	return m
}

func (m *matrix) at(row, col int) float64 {
	i := row*m.k + col
	switch m.dtype {
	case kernel.BF16:
		return float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(m.data[2*i:])) << 16))
	case kernel.I8:
		return float64(int8(m.data[i])) * float64(m.scales[row])
	}
	return float64(kernel.NF4Values[m.data[i/2]>>(4*(1-i%2))&15]) * float64(m.scales[i/kernel.BlockSize])
}

func benchFloats(b *testing.B, d *Device, rng *rand.Rand, n int) ([]float32, kernel.Range) {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	bytes, _ := binary.Append(nil, binary.LittleEndian, v)
	return v, benchRange(b, d, bytes, kernel.F32)
}

func benchRange(b *testing.B, d *Device, data []byte, dt kernel.DType) kernel.Range {
	buffer, err := d.Import(data, kernel.Activations)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(buffer.Free)
	return kernel.Range{Buffer: buffer, Bytes: int64(len(data)), DType: dt}
}
