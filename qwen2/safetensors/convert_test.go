package safetensors

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// nearest16 is f rounded to a 16-bit format of the given exponent and fraction bits, ties to even, by its definition:
// scale so that the last place is 1, round, scale back. float64 holds every step exactly.
func nearest16(f float32, expBits, fracBits int) float64 {
	x := float64(f)
	if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return x
	}
	bias := 1<<(expBits-1) - 1
	_, e := math.Frexp(x) // x = m·2^e, 0.5 <= |m| < 1
	ulp := max(e-1, 1-bias) - fracBits
	y := math.Ldexp(math.RoundToEven(math.Ldexp(x, -ulp)), ulp)
	if math.Abs(y) >= math.Ldexp(1, bias+1) {
		return math.Inf(int(math.Copysign(1, x)))
	}
	return y
}

// samples are all 16-bit patterns on top of interesting low halves, and random ones.
func samples() []float32 {
	rng := rand.New(rand.NewPCG(7, 8))
	var s []float32
	for hi := range uint32(1 << 16) {
		for _, lo := range []uint32{0, 1, 0x7fff, 0x8000, 0x8001, rng.Uint32() & 0xffff} {
			s = append(s, math.Float32frombits(hi<<16|lo))
		}
	}
	for e := range uint32(40) { // around F16's ties and subnormals
		for range 500 {
			b := (e+95)<<23 | rng.Uint32()&0x7fe000 | []uint32{0, 0xfff, 0x1000, 0x1001}[rng.IntN(4)]
			s = append(s, math.Float32frombits(b), -math.Float32frombits(b))
		}
	}
	return s
}

func TestNarrow(t *testing.T) {
	src := samples()
	for _, c := range []struct {
		dtype     string
		to        func([]float32, []byte) error
		exp, frac int
	}{{"BF16", ToBF16, 8, 7}, {"F16", ToF16, 5, 10}} {
		b := make([]byte, 2*len(src))
		if err := c.to(src, b); err != nil {
			t.Fatal(err)
		}
		got := make([]float32, len(src))
		if err := Floats(Tensor{DType: c.dtype, Shape: []int{len(src)}, Data: b}, got); err != nil {
			t.Fatal(err)
		}
		bad := 0
		for i, f := range src {
			want := nearest16(f, c.exp, c.frac)
			same := float64(got[i]) == want && math.Signbit(float64(got[i])) == math.Signbit(want)
			if math.IsNaN(want) {
				same = math.IsNaN(float64(got[i])) && math.Signbit(float64(got[i])) == math.Signbit(float64(f))
			}
			if !same && bad < 10 {
				bad++
				t.Errorf("%s of %x: %v, want %v", c.dtype, math.Float32bits(f), got[i], want)
			}
		}
	}
}

// value16 is the number that a 16-bit pattern stands for.
func value16(b uint16, expBits, fracBits int) float64 {
	sign := 1 - 2*float64(b>>15)
	e, m := int(b>>fracBits)&(1<<expBits-1), float64(int(b)&(1<<fracBits-1))
	bias := 1<<(expBits-1) - 1
	switch {
	case e == 1<<expBits-1 && m != 0:
		return math.NaN()
	case e == 1<<expBits-1:
		return math.Inf(int(sign))
	case e == 0:
		return sign * math.Ldexp(m, 1-bias-fracBits)
	}
	return sign * math.Ldexp(1+math.Ldexp(m, -fracBits), e-bias)
}

func TestFloatsAllPatterns(t *testing.T) {
	b := make([]byte, 2<<16)
	for i := range 1 << 16 {
		binary.LittleEndian.PutUint16(b[2*i:], uint16(i))
	}
	got := make([]float32, 1<<16)
	for _, c := range []struct {
		dtype     string
		exp, frac int
	}{{"BF16", 8, 7}, {"F16", 5, 10}} {
		if err := Floats(Tensor{DType: c.dtype, Shape: []int{256, 256}, Data: b}, got); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			want := value16(uint16(i), c.exp, c.frac)
			if float64(got[i]) != want && !(math.IsNaN(want) && math.IsNaN(float64(got[i]))) {
				t.Fatalf("%s %04x: %v, want %v", c.dtype, i, got[i], want)
			}
		}
	}
	var bits []byte
	want := []float32{0, -1.5, math.MaxFloat32, math.SmallestNonzeroFloat32, float32(math.Inf(-1))}
	for _, f := range want {
		bits = binary.LittleEndian.AppendUint32(bits, math.Float32bits(f))
	}
	f32 := make([]float32, len(want))
	unaligned := append([]byte{0}, bits...)[1:]
	if err := Floats(Tensor{DType: "F32", Shape: []int{5}, Data: unaligned}, f32); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if f32[i] != want[i] {
			t.Errorf("F32 %d: %v, want %v", i, f32[i], want[i])
		}
	}
}

func TestConvertRefuses(t *testing.T) {
	f32 := Tensor{Name: "w", DType: "F32", Shape: []int{2}, Data: make([]byte, 8)}
	if err := Floats(f32, make([]float32, 2)); err != nil {
		t.Fatal(err)
	}
	i64 := Tensor{Name: "w", DType: "I64", Shape: []int{1}, Data: make([]byte, 8)}
	short := Tensor{Name: "w", DType: "F32", Shape: []int{2}, Data: make([]byte, 7)}
	negative := Tensor{Name: "w", DType: "F32", Shape: []int{-1}}
	for want, err := range map[string]error{
		"want F32, F16 or BF16":        Floats(i64, make([]float32, 1)),
		"have 8 bytes for 3":           Floats(f32, make([]float32, 3)),
		"have 7 bytes":                 Floats(short, make([]float32, 2)),
		"negative":                     Floats(negative, nil),
		"to bf16: want 3·2 bytes":      ToBF16(make([]float32, 3), make([]byte, 5)),
		"f16: want 1·2 bytes, have 3":  ToF16(make([]float32, 1), make([]byte, 3)),
		"bf16: want 1·2 bytes, have 3": ToBF16(make([]float32, 1), make([]byte, 3)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func BenchmarkConvert(b *testing.B) {
	const n = 1 << 20
	dst, src := make([]float32, n), make([]byte, 4*n)
	for i := range src {
		src[i] = byte(i * 31)
	}
	for dtype, size := range map[string]int{"F32": 4, "F16": 2, "BF16": 2} {
		b.Run("op=floats/dtype="+dtype, func(b *testing.B) {
			b.SetBytes(int64(n * size))
			for b.Loop() {
				if err := Floats(Tensor{DType: dtype, Shape: []int{n}, Data: src[:n*size]}, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for dtype, to := range map[string]func([]float32, []byte) error{"F16": ToF16, "BF16": ToBF16} {
		b.Run("op=narrow/dtype="+dtype, func(b *testing.B) {
			b.SetBytes(n * 4)
			for b.Loop() {
				if err := to(dst, src[:2*n]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
