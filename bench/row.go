package bench

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/vulora/vulora/tensor/kernel"
)

// A Row is one launch at the sizes of a model, and what its contract (package tensor/kernel) says of single elements of
// its first output: at these sizes the whole result would take minutes in float64.
type Row struct {
	Op     string // kernel's name and what it is for: "linear gate_up"
	T      uint32 // tokens
	DType  kernel.DType
	FLOP   float64
	Bytes  float64 // of the operands that must be read and written
	cast   uint32  // kernel.RoundBF16 if factors may be rounded
	sizes  kernel.Sizes
	out    []operand
	in     []operand
	places bool // out[0] is worked on in place
	// define returns element i of out[0] after a run; old is what it held before.
	define func(in []values, old values, i int) float64
	pick   func(i int) int // the element that is looked at instead of i, where only some are written; nil: i
	tol    float64         // error of an element, in root mean squares of those that are looked at
}

// An operand is an array and how it is filled.
type operand struct {
	dtype kernel.DType
	n     int
	fill  func(r *rand.Rand, i int) float64 // nil: codes or floats of mean square 1
}

func floats(n ...uint32) operand { return operand{n: product(n...)} }

func stored(t kernel.DType, n ...uint32) operand { return operand{dtype: t, n: product(n...)} }

// scaled is floats of the given root mean square.
func scaled(rms float64, n ...uint32) operand {
	// A uniform number from −√3 to √3 has a mean square of 1.
	fill := func(r *rand.Rand, _ int) float64 { return rms * math.Sqrt(3) * (2*r.Float64() - 1) }
	return operand{n: product(n...), fill: fill}
}

func constant(x float64, n ...uint32) operand {
	return operand{n: product(n...), fill: func(*rand.Rand, int) float64 { return x }}
}

func ints(f func(i int) int, n ...uint32) operand {
	return operand{dtype: kernel.I32, n: product(n...), fill: func(_ *rand.Rand, i int) float64 { return float64(f(i)) }}
}

func product(n ...uint32) int {
	p := 1
	for _, x := range n {
		p *= int(x)
	}
	return p
}

// weight is a matrix [n, k] stored as t, with its scales if it is quantised. Its elements have a mean square of about
// 1/k.
func weight(t kernel.DType, n, k uint32) []operand {
	rms := 1 / math.Sqrt(float64(k))
	switch t {
	case kernel.NF4, kernel.FP4:
		return []operand{stored(t, n, k), constant(2*rms, n, k/kernel.BlockSize)}
	case kernel.I8:
		return []operand{stored(t, n, k), constant(rms/74, n)}
	}
	w := scaled(rms, n, k)
	w.dtype = t
	return []operand{w}
}

// bytes is the sum over operands.
func bytes(all ...operand) (n float64) {
	for _, o := range all {
		n += float64(o.dtype.Bytes(int64(o.n)))
	}
	return n
}

// values are an operand's contents.
type values struct {
	dtype kernel.DType
	data  []byte
}

// encode writes what f says for each element.
func (o operand) encode(r *rand.Rand) values {
	v := values{o.dtype, make([]byte, o.dtype.Bytes(int64(o.n)))}
	if o.dtype.Quantized() {
		for i := range v.data {
			v.data[i] = byte(r.Uint32())
			if o.dtype == kernel.I8 && v.data[i] == 0x80 {
				v.data[i] = 0 // −128 is no code
			}
		}
		return v
	}
	fill := o.fill
	if fill == nil {
		fill = scaled(1).fill
	}
	for i := range o.n {
		v.set(i, fill(r, i))
	}
	return v
}

// Rounding is what the factors of r's products are: "bf16" where they may be rounded to it, else "f32".
func (r Row) Rounding() string {
	if r.cast == kernel.RoundBF16 {
		return "bf16"
	}
	return "f32"
}

// Name is unique among rows of different sizes: the operation, tokens and type.
func (r Row) Name() string { return fmt.Sprintf("%s T=%d %v", r.Op, r.T, r.DType) }
