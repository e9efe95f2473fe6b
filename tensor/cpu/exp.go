package cpu

import "math"

// The exponential of every instruction set: x = n·ln 2 + r with |r| ≤ ln 2 / 2, eʳ by the degree-6 polynomial of
// Cephes' expf (S. Moshier, 1984), and two multiplications by powers of two. The error is at most 2 units in the
// last place of float32; results below 2⁻¹²⁶ are 0, those above 2¹²⁸ are +Inf, and NaN gives NaN.
const (
	expLow, expHigh = -104, 89
	log2e           = math.Log2E
	ln2High         = 0.693359375 // 9 bits: n·ln2High is exact
	ln2Low          = -2.12194440e-4
	exp6            = 1.9875691500e-4
	exp5            = 1.3981999507e-3
	exp4            = 8.3334519073e-3
	exp3            = 4.1665795894e-2
	exp2            = 1.6666665459e-1
	exp1            = 5.0000001201e-1
	roundShift      = 3 << 22 // x + roundShift − roundShift is x to the nearest integer
)

// expWide holds the constants for assembly, in the order above, each eight times.
var expWide = func() (t [12][8]float32) {
	for i, c := range [...]float32{expLow, expHigh, log2e, ln2High, ln2Low, exp6, exp5, exp4, exp3, exp2, exp1, 1} {
		for j := range t[i] {
			t[i][j] = c
		}
	}
	return t
}()

// exp is e^x.
func exp(x float32) float32 {
	if x != x {
		return x
	}
	x = min(max(x, expLow), expHigh)
	n := float32(x*log2e+roundShift) - roundShift
	r := x - n*ln2High
	r -= n * ln2Low
	p := float32(exp6)
	p = p*r + exp5
	p = p*r + exp4
	p = p*r + exp3
	p = p*r + exp2
	p = p*r + exp1
	p = p*(r*r) + r + 1
	half := int32(n) >> 1
	if p = p * pow2(half) * pow2(int32(n)-half); p < 0x1p-126 {
		return 0
	}
	return p
}

// pow2 is 2ⁿ for −126 ≤ n ≤ 127.
func pow2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }
