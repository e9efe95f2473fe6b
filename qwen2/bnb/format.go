package bnb

import "fmt"

// Format is a way to store weights in few bits. The zero Format is none.
type Format uint8

const (
	NF4  Format = iota + 1 // 4 bits, 16 quantiles of a normal distribution (QLoRA, arXiv:2305.14314)
	FP4                    // 4 bits, sign, 2 bits of exponent and 1 of fraction
	Int8                   // 8 bits, signed integers -127..127
)

// BlockSize is the number of consecutive elements of the row-major matrix that share a scale in NF4 and FP4.
const BlockSize = 64

// String returns the name of f as in a quant_state: "nf4" or "fp4"; and "int8".
func (f Format) String() string {
	switch f {
	case NF4:
		return "nf4"
	case FP4:
		return "fp4"
	case Int8:
		return "int8"
	}
	return fmt.Sprintf("format(%d)", uint8(f))
}

// ParseFormat returns the format that String names so. Another name is an error.
func ParseFormat(name string) (Format, error) {
	for _, f := range []Format{NF4, FP4, Int8} {
		if f.String() == name {
			return f, nil
		}
	}
	return 0, fmt.Errorf("bnb: format: want nf4, fp4 or int8, have %q", name)
}

// Levels returns the numbers of NF4's or FP4's 16 codes, from bitsandbytes' kernels.cu; of code 8 of FP4 it is -0.
// Other formats have no table: all zero.
func (f Format) Levels() [16]float32 {
	switch f {
	case NF4:
		return nf4Levels
	case FP4:
		return fp4Levels
	}
	return [16]float32{}
}

var nf4Levels = [16]float32{
	-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
	-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
	0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
	0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
}

// nf4Bounds[i] lies between the codes i and i+1 (dQuantizeNF4): code i+1 is for numbers strictly greater. Two of them
// are written in the middle between two float32, to all digits of a float64: they are rounded by way of one, to even.
var nf4Bounds = narrowed([15]float64{
	-0.8480964004993439, -0.6106329262256622, -0.4599952697753906, -0.33967943489551544,
	-0.23460740596055984, -0.13791173323988914, -0.045525018125772476, 0.03979014977812767,
	0.1202552504837513, 0.2035212516784668, 0.2920137718319893, 0.3893125355243683,
	0.5016634166240692, 0.6427869200706482, 0.8614784181118011,
})

func narrowed(wide [15]float64) (bounds [15]float32) {
	for i, b := range wide {
		bounds[i] = float32(b)
	}
	return bounds
}

var fp4Levels = mirror([8]float32{0, 0.005208333333, 0.66666667, 1, 0.33333333, 0.5, 0.16666667, 0.25})

// fp4Bounds are the thresholds on |x| (dQuantizeFP4), fp4Order the code of each interval that they make. They are not
// the midpoints of the levels to the last bit: 0.583333 stands for 7/12.
var (
	fp4Bounds = [7]float32{0.00260417, 0.0859375, 0.20833333, 0.29166667, 0.4166667, 0.583333, 0.8333333}
	fp4Order  = [8]byte{0, 1, 6, 7, 4, 5, 2, 3}
)

// mirror appends the negative numbers: bit 3 of a code is the sign.
func mirror(positive [8]float32) (levels [16]float32) {
	for i, v := range positive {
		levels[i], levels[i+8] = v, -v
	}
	return levels
}
