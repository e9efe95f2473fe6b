package bnb

import (
	"math"
	"slices"
	"sort"
	"sync"
)

const nestedBlockSize = 256

// Nested is the absmax of a doubly quantised Matrix: of a block b it is Map[Codes[b]]·Absmax[b/256] + Offset.
//
//	Codes: [Blocks], Absmax: [ceil(Blocks/256)], Map: [256]
type Nested struct {
	Codes  []byte
	Absmax []float32
	Offset float32
	Map    *[256]float32 // as a checkpoint has it; nil means DynamicMap
}

// DynamicMap returns the levels of the 8-bit codes in ascending order: create_dynamic_map(signed=True,
// max_exponent_bits=7, total_bits=8) of bitsandbytes' functional.py. For each power of ten 1e-6..1 there are twice as
// many levels as for the one below, on both sides of 0, in the middle between points spaced evenly over 0.1..1; and 0
// and 1.
func DynamicMap() [256]float32 { return *dynamicMap() }

var dynamicMap = sync.OnceValue(func() *[256]float32 {
	levels := []float32{0, 1}
	for e, count := -6, 1; e <= 0; e, count = e+1, 2*count {
		power := float32(math.Pow10(e))
		points := linspace(0.1, 1, count+1)
		for i := range count {
			mean := float32(points[i]+points[i+1]) / 2
			levels = append(levels, power*mean, -power*mean)
		}
	}
	slices.Sort(levels)
	return (*[256]float32)(levels)
})

// linspace is torch's: a step in float32, then from + i·step and to - (n-1-i)·step, each fused: rounded once. In
// float64 the product is exact.
func linspace(from, to float32, n int) []float32 {
	points := make([]float32, n)
	step := float64((to - from) / float32(n-1))
	for i := range points {
		if i < n/2 {
			points[i] = float32(float64(from) + step*float64(i))
		} else {
			points[i] = float32(float64(to) - step*float64(n-1-i))
		}
	}
	return points
}

func (d *Nested) levels() *[256]float32 {
	if d.Map != nil {
		return d.Map
	}
	return dynamicMap()
}

// nest quantises absmax a second time. The mean is rounded once from float64; bitsandbytes sums in float32, in an
// order of the device's, so its offset can differ in the last bits.
func nest(absmax []float32) *Nested {
	sum := 0.0
	for _, a := range absmax {
		sum += float64(a)
	}
	d := &Nested{
		Codes:  make([]byte, len(absmax)),
		Absmax: make([]float32, ceilDiv(len(absmax), nestedBlockSize)),
		Offset: float32(sum / float64(len(absmax))),
	}
	for o := range d.Absmax {
		first := o * nestedBlockSize
		block := absmax[first:min(first+nestedBlockSize, len(absmax))]
		for _, a := range block {
			d.Absmax[o] = max(d.Absmax[o], float32(math.Abs(float64(a-d.Offset))))
		}
		r := 1 / d.Absmax[o]
		for i, a := range block {
			d.Codes[first+i] = nearest(dynamicMap(), (a-d.Offset)*r)
		}
	}
	return d
}

// nearest returns the code of the level nearest to x. In the middle it is the even code: CUDA's search (dQuantize)
// ends on an even one and leaves it only for a number strictly beyond the middle to the next. A NaN has code 0.
func nearest(levels *[256]float32, x float32) byte {
	above := sort.Search(len(levels), func(i int) bool { return !(x > levels[i]) })
	if above == 0 {
		return 0
	}
	if above == len(levels) {
		return byte(above - 1)
	}
	middle := (levels[above-1] + levels[above]) * 0.5
	if x > middle || x == middle && above%2 == 0 {
		return byte(above)
	}
	return byte(above - 1)
}

// restore writes the absmax of the blocks first to first+len(dst)-1: a product and a sum, each rounded.
func (d *Nested) restore(first int, dst []float32) {
	levels := d.levels()
	for i := range dst {
		b := first + i
		dst[i] = float32(levels[d.Codes[b]]*d.Absmax[b/nestedBlockSize]) + d.Offset
	}
}
