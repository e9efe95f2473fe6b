package bnb

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vulora/vulora/qwen2/safetensors"
)

// treeCode is the CUDA kernels' decision, literally: of NF4 on x, of FP4 on |x| and the sign.
func treeCode(f Format, x float32) byte {
	if f == NF4 {
		code := byte(0)
		for _, b := range nf4Bounds {
			if x > b {
				code++
			}
		}
		return code
	}
	sign := byte(0)
	if x < 0 {
		x, sign = -x, 8
	}
	n := 0
	for _, b := range fp4Bounds {
		if x > b {
			n++
		}
	}
	return sign | fp4Order[n]
}

func TestCodes(t *testing.T) {
	var samples []float32
	for hi := range uint32(1 << 16) {
		for _, lo := range []uint32{0, 1, 0x7fff, 0xffff} {
			samples = append(samples, math.Float32frombits(hi<<16|lo))
		}
	}
	for _, b := range append(nf4Bounds[:], fp4Bounds[:]...) {
		for d := range uint32(9) {
			x := math.Float32frombits(math.Float32bits(b) - 4 + d)
			samples = append(samples, x, -x)
		}
	}
	for i := range 2*bucketCount + 1 { // The edges of buckets.
		x := float32(i-bucketCount) / bucketCount
		samples = append(samples, x, math.Nextafter32(x, 2), math.Nextafter32(x, -2))
	}
	for f, c := range map[Format]*coder{NF4: nf4Coder, FP4: fp4Coder} {
		for _, x := range samples {
			want := treeCode(f, x)
			if have := c.search(x); have != want {
				t.Fatalf("%v: search(%g) is %d, want %d", f, x, have, want)
			}
			if math.Abs(float64(x)) > 1.00001 || x != x {
				continue
			}
			if have := c.code(x); have != want {
				t.Fatalf("%v: code(%g) is %d, want %d", f, x, have, want)
			}
		}
	}
}

// defined quantises by definition: block by block, decision tree for each element.
func defined(f Format, w []float32) (packed []byte, absmax []float32) {
	packed = make([]byte, (len(w)+1)/2)
	for at := 0; at < len(w); at += BlockSize {
		block := w[at:min(at+BlockSize, len(w))]
		a := float32(0)
		for _, x := range block {
			a = max(a, float32(math.Abs(float64(x))))
		}
		absmax = append(absmax, a)
		if len(block)%2 == 1 {
			block = append(slices.Clone(block), 0)
		}
		for i, x := range block {
			packed[(at+i)/2] |= treeCode(f, x*(1/a)) << (4 - 4*(i%2))
		}
	}
	return packed, absmax
}

// weights are numbers with blocks of zeros, denormal blocks, huge blocks and outliers among them.
func weights(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	w := make([]float32, n)
	for i := range w {
		w[i] = float32(rng.NormFloat64() * 0.02)
		switch (i / 50) % 7 {
		case 2:
			w[i] = 0
		case 3:
			w[i] *= 1e-40
		case 4:
			w[i] *= 1e38
		case 5:
			if rng.IntN(20) == 0 {
				w[i] *= 100
			}
		}
	}
	return w
}

func TestQuantizeSizes(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 63}, {1, 64}, {1, 65}, {3, 7}, {5, 64}, {2, 128}, {7, 99}, {67, 192}, {129,
		65}} {
		n, k := size[0], size[1]
		w := weights(n*k, uint64(n))
		for _, f := range []Format{NF4, FP4} {
			packed, absmax := defined(f, w)
			for _, workers := range []int{0, 1, 2, 5} {
				m, err := Quantize(f, w, n, k, Options{Workers: workers})
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(m.Packed, packed) || !slices.Equal(m.Absmax, absmax) {
					t.Errorf("%v of %d×%d with %d workers differs from the definition", f, n, k, workers)
				}
				if m.BlocksCrossRows() != (k%64 != 0) {
					t.Errorf("%d columns: blocks cross rows: %v", k, m.BlocksCrossRows())
				}
				checkRows(t, m)
			}
		}
	}
}

// checkRows compares Dequantize with DequantizeRows and with level·scale.
func checkRows(t *testing.T, m Matrix) {
	t.Helper()
	whole := make([]float32, m.N*m.K)
	if err := m.Dequantize(whole); err != nil {
		t.Fatal(err)
	}
	scales, err := m.Scales()
	if err != nil {
		t.Fatal(err)
	}
	levels := m.Format.Levels()
	for i, have := range whole {
		want := float32(0)
		if m.Format == Int8 {
			want = float32(int8(m.Packed[i])) * scales[i/m.K]
		} else {
			want = levels[m.Packed[i/2]>>(4-4*(i%2))&15] * scales[i/BlockSize]
		}
		if have != want {
			t.Fatalf("%v of %d×%d: element %d is %v, want %v", m.Format, m.N, m.K, i, have, want)
		}
	}
	for first := 0; first < m.N; first += max(1, m.N/3) {
		rows := min(2, m.N-first)
		part := make([]float32, rows*m.K)
		if err := m.DequantizeRows(first, part); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(part, whole[first*m.K:(first+rows)*m.K]) {
			t.Errorf("%v of %d×%d: rows from %d differ", m.Format, m.N, m.K, first)
		}
	}
	if err := m.DequantizeRows(m.N, make([]float32, m.K)); err == nil {
		t.Error("a row after the last: no error")
	}
}

func TestInt8(t *testing.T) {
	n, k := 11, 77
	w := weights(n*k, 3)
	clear(w[2*k : 3*k])
	for i := range k {
		w[3*k+i] *= 1e-40
		w[4*k+i] = float32(i%5) - 2.5 // Halves, with absmax 127 below: ties.
	}
	w[4*k] = -127
	m, err := Quantize(Int8, w, n, k, Options{Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range w {
		absmax := float64(m.Absmax[i/k])
		want := 0.0
		if absmax > 0 {
			want = float64(x) * 127 / absmax
		}
		// Half a unit, and the rounding of 127/absmax and of the product, each 2^-24 of at most 127.
		if have := float64(int8(m.Packed[i])); math.Abs(have-want) > 0.5+127*0x1p-23 {
			t.Fatalf("element %d is %v, want %v rounded", i, have, want)
		}
	}
	for i := 1; i < k; i++ {
		if have, want := float64(int8(m.Packed[4*k+i])), math.RoundToEven(float64(w[4*k+i])); have != want {
			t.Fatalf("tie %v became %v, want %v", w[4*k+i], have, want)
		}
	}
	checkRows(t, m)
	if m.Blocks() != n || m.BlocksCrossRows() {
		t.Errorf("%d blocks, crossing %v", m.Blocks(), m.BlocksCrossRows())
	}
}

func TestNearest(t *testing.T) {
	levels := DynamicMap()
	rng := rand.New(rand.NewPCG(5, 5))
	samples := levels[:]
	for range 20000 {
		samples = append(samples, rng.Float32()*2-1, float32(rng.NormFloat64()*0.001))
	}
	for _, x := range samples {
		best := 0
		for i, l := range levels {
			if math.Abs(float64(x)-float64(l)) < math.Abs(float64(x)-float64(levels[best])) {
				best = i
			}
		}
		if have := nearest(&levels, x); int(have) != best {
			t.Fatalf("nearest to %v is %d, want %d", x, have, best)
		}
	}
	for i := range 255 {
		middle := (levels[i] + levels[i+1]) / 2
		if want := i + i%2; int(nearest(&levels, middle)) != want {
			t.Errorf("middle of %d and %d: %d, want the even one", i, i+1, nearest(&levels, middle))
		}
	}
	if nearest(&levels, float32(math.NaN())) != 0 {
		t.Error("NaN: want code 0")
	}
}

// TestDoubleQuantEqual has one absmax everywhere: nothing is left after the mean.
func TestDoubleQuantEqual(t *testing.T) {
	for _, value := range []float32{0, 0.25} {
		w := make([]float32, 70*64)
		for i := range w {
			w[i] = value
		}
		m, err := Quantize(NF4, w, 70, 64, Options{DoubleQuant: true})
		if err != nil {
			t.Fatal(err)
		}
		have := make([]float32, len(w))
		if err := m.Dequantize(have); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(have, w) {
			t.Errorf("all %v came back as %v", value, have[0])
		}
		checkRows(t, m)
	}
}

func TestSources(t *testing.T) {
	n, k := 33, 100
	for _, dtype := range []string{"F32", "F16", "BF16"} {
		data := make([]byte, n*k*sizes[dtype]+1)[1:] // not aligned
		src := weights(n*k, 9)
		for i := range src {
			src[i] = max(-60000, min(60000, src[i]))
		}
		if err := narrow(dtype, src, data); err != nil {
			t.Fatal(err)
		}
		tensor := safetensors.Tensor{Name: "w", DType: dtype, Shape: []int{n, k}, Data: data}
		w := make([]float32, n*k)
		if err := safetensors.Floats(tensor, w); err != nil {
			t.Fatal(err)
		}
		for _, f := range []Format{NF4, FP4, Int8} {
			a, err := QuantizeTensor(f, tensor, Options{Workers: 2})
			if err != nil {
				t.Fatal(err)
			}
			b, err := Quantize(f, w, n, k, Options{Workers: 1})
			if err != nil {
				t.Fatal(err)
			}
			if a.DType != dtype || !bytes.Equal(a.Packed, b.Packed) || !slices.Equal(a.Absmax, b.Absmax) {
				t.Errorf("%v from %s differs from float32", f, dtype)
			}
		}
	}
}

func BenchmarkQuantize(b *testing.B) {
	n, k := 896, 4864
	w := make([]float32, n*k)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range w {
		w[i] = float32(rng.NormFloat64() * 0.02)
	}
	for _, f := range []Format{NF4, FP4, Int8} {
		for _, dtype := range []string{"F32", "BF16", "F16"} {
			data := make([]byte, n*k*sizes[dtype])
			if err := narrow(dtype, w, data); err != nil {
				b.Fatal(err)
			}
			t := safetensors.Tensor{DType: dtype, Shape: []int{n, k}, Data: data}
			b.Run(fmt.Sprintf("format=%v/dtype=%s", f, dtype), func(b *testing.B) {
				for b.Loop() {
					if _, err := QuantizeTensor(f, t, Options{Workers: 1}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(n*k)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mweights/s")
			})
		}
	}
}
