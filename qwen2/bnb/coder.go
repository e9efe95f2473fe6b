package bnb

import "math"

// coder finds the 4-bit code of a number x that was scaled to -1..1.
//
// Both formats are monotone steps: 15 bounds in ascending order, and a code for each of the 16 intervals. To compare
// with one bound instead of searching, x+3 is rounded to a float32 of 2..4, whose bits divide that range into 1024
// equal buckets. Rounding is monotone, so a bound whose own bucket is b is below every x of a higher bucket and not
// below any of a lower one; and the bounds lie so far apart that no bucket has two. Within it, x itself is compared.
type coder struct {
	buckets [2 * bucketCount]bucket // as many as an index has values
	bounds  [15]float32
	codes   [16]byte
}

// bucket is a bound in the high half, and the codes up to it and beyond in the lowest two bytes: a single load.
type bucket uint64

func newBucket(bound float32, lo, hi byte) bucket {
	return bucket(math.Float32bits(bound))<<32 | bucket(hi)<<8 | bucket(lo)
}

func (b bucket) bound() float32 { return math.Float32frombits(uint32(b >> 32)) }

const (
	bucketCount = 1024
	bucketShift = 23 - 10 // leaves the 10 leading bits of the fraction
)

var (
	nf4Coder = newCoder(nf4Bounds, [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	fp4Coder = newCoder(fp4Steps())
)

// fp4Steps are the decision tree on |x| and the sign written as one ascending sequence of strict bounds. The sign is
// set for x < 0 and not for -0, and |x| > t of a negative x means x < -t: the strict bound is the float before -t.
func fp4Steps() (bounds [15]float32, codes [16]byte) {
	before := func(x float32) float32 { return math.Nextafter32(x, -2) }
	bounds[7] = before(0)
	for i, t := range fp4Bounds {
		bounds[6-i], bounds[8+i] = before(-t), t
	}
	for i, c := range fp4Order {
		codes[7-i], codes[8+i] = c|8, c
	}
	return bounds, codes
}

func newCoder(bounds [15]float32, codes [16]byte) *coder {
	c, inf := &coder{bounds: bounds, codes: codes}, float32(math.Inf(1))
	n := 0 // bounds in lower buckets
	for i := range c.buckets {
		switch {
		case n < len(bounds) && i <= bucketCount && bucketOf(bounds[n]) == uint32(i):
			c.buckets[i] = newBucket(bounds[n], codes[n], codes[n+1])
			n++
		case i < bucketCount*3/2: // Also for numbers a little above 1.
			c.buckets[i] = newBucket(inf, codes[n], codes[n])
		default: // The index wraps for numbers a little below -1.
			c.buckets[i] = newBucket(inf, codes[0], codes[0])
		}
	}
	return c
}

func bucketOf(x float32) uint32 {
	return math.Float32bits(x+3) >> bucketShift & (2*bucketCount - 1)
}

// code is for |x| up to 1 and some units in the last place more.
func (c *coder) code(x float32) byte {
	b := c.buckets[bucketOf(x)]
	if x > b.bound() {
		b >>= 8
	}
	return byte(b)
}

// search is code for any x, in the way of the CUDA kernel: a NaN is greater than no threshold and not negative.
func (c *coder) search(x float32) byte {
	if x != x {
		return 0
	}
	i := 0
	for i < len(c.bounds) && x > c.bounds[i] {
		i++
	}
	return c.codes[i]
}

// block packs one whole block of numbers w, whose greatest magnitude is absmax: the first number of two goes to the
// high half of a byte.
func (c *coder) block(dst *[BlockSize / 2]byte, w *[BlockSize]float32, absmax float32) {
	r := 1 / absmax
	if math.IsInf(float64(r), 0) {
		c.tail(dst[:], w[:], absmax)
		return
	}
	for i := range dst {
		// The conversions keep a compiler from fusing the product with the sum in bucketOf.
		hi, lo := float32(w[2*i]*r), float32(w[2*i+1]*r)
		dst[i] = c.code(hi)<<4 | c.code(lo)
	}
}

// tail packs a block of any length and any absmax. A missing second number counts as 0. Where 1/absmax is infinite,
// a zero is worth 0·Inf = NaN, as on CUDA: a block of zeros has byte 0x00.
func (c *coder) tail(dst []byte, w []float32, absmax float32) {
	r := 1 / absmax
	for i := range dst {
		hi, lo := float32(w[2*i]*r), float32(0*r)
		if 2*i+1 < len(w) {
			lo = float32(w[2*i+1] * r)
		}
		dst[i] = c.search(hi)<<4 | c.search(lo)
	}
}
