package cpu

import (
	"unsafe"

	"github.com/vulora/vulora/tensor/kernel"
	"golang.org/x/sys/cpu"
)

// available returns the tables that this processor can run, best first.
func available() []*isa {
	x, tables := &cpu.X86, []*isa{plain}
	if x.HasAVX2 && x.HasFMA && x.HasF16C {
		tables = append([]*isa{avx2}, tables...)
		if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL {
			best := *avx512
			if x.HasAVX512BF16 {
				best.bf16 = avx512BF16
			}
			tables = append([]*isa{&best}, tables...)
			if hasAMX() {
				tiles := best
				tiles.name, tiles.title, tiles.bf16 = "amx", "AVX-512 and AMX", amx
				tables = append([]*isa{&tiles}, tables...)
			}
		}
	}
	return tables
}

var avx512 = (&loops{
	dot: dotAVX512, dot3: dot3AVX512, largest: largestAVX512, expSum: expSumAVX512, scale: scaleAVX512,
	sum: sumAVX512, mulScale: mulScaleAVX512, normBack: normBackAVX512, score: scoreAVX512, swiglu: swigluAVX512,
	swigluBk: swigluBackAVX512, adamw: adamwAVX512, rotate: rotateAVX512, dropout: dropoutAVX512,
	widenF16: widenF16AVX512, widenBF16: widenBF16AVX512,
	lanes: 16,
}).table(isa{
	name: "avx512", title: "AVX-512", mr: 12, nr: 32, kc: 448, nc: 256,
	tile: tiles(12, tile12AVX512, 8, tile8AVX512, 4, tile4AVX512, tile1AVX512),
	packCols: [...]packFunc{
		columns512(columnsWordsAVX512, f32Value), columns512(columnsF16AVX512, f16Value),
		columns512(columnsBF16AVX512, bf16Value),
	},
	packRows: [...]packFunc{rows512(rowsF32AVX512, 4), rows512(rowsF16AVX512, 2), rows512(rowsBF16AVX512, 2)},
	products: [...]productsFunc{
		products(products4F32AVX512, 16, f32Value), products(products4F16AVX512, 16, f16Value),
		products(products4BF16AVX512, 16, bf16Value),
	},
	codes: [...]codes{codes512(&kernel.NF4Values), codes512(&kernel.FP4Values), bytes512},
})

var avx512BF16 = &bf16ISA{
	mr:       12,
	tile:     tiles(12, tile12BF16, 8, tile8BF16, 4, tile4BF16, tile1BF16),
	packCols: pairColumns,
	packRows: pairRows,
	halve:    halveBF16,
	narrow:   narrow,
	products: pairProducts,
	pairUp:   pairUp,
}

var avx2 = (&loops{
	dot: dotAVX2, dot3: dot3AVX2, largest: largestAVX2, expSum: expSumAVX2, scale: scaleAVX2, sum: sumAVX2,
	mulScale: mulScaleAVX2, normBack: normBackAVX2, score: scoreAVX2, swiglu: swigluAVX2, swigluBk: swigluBackAVX2,
	adamw: adamwAVX2, rotate: rotateAVX2, dropout: dropoutAVX2, widenF16: widenF16AVX2, widenBF16: widenBF16AVX2,
	lanes: 8,
}).table(isa{
	name: "avx2", title: "AVX2", mr: 6, nr: 16, kc: 256, nc: 128,
	tile: tiles(6, tile6AVX2, 4, tile4AVX2, 2, tile2AVX2, tile1AVX2),
	packCols: [...]packFunc{
		columns256(columnsWordsAVX2, f32Value), columns256(columnsF16AVX2, f16Value),
		columns256(columnsBF16AVX2, bf16Value),
	},
	packRows: [...]packFunc{
		rows256(rowsF32AVX2, f32Value), rows256(rowsF16AVX2, f16Value),
		rows256(rowsBF16AVX2, bf16Value),
	},
	products: [...]productsFunc{
		products(products4F32AVX2, 8, f32Value), products(products4F16AVX2, 8, f16Value),
		products(products4BF16AVX2, 8, bf16Value),
	},
	codes: [...]codes{codes256(&kernel.NF4Values), codes256(&kernel.FP4Values), bytes256},
})

type asmTile = func(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)

// tiles joins kernels of n0 > n1 > n2 > 1 rows to one for up to n0 rows. All of them sum in the same order.
func tiles(n0 int, t0 asmTile, n1 int, t1 asmTile, n2 int, t2 asmTile, t3 asmTile) tileFunc {
	return func(rows, k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool) {
		for rows > 0 {
			n, t := 1, t3
			switch {
			case rows >= n0:
				n, t = n0, t0
			case rows >= n1:
				n, t = n1, t1
			case rows >= n2:
				n, t = n2, t2
			}
			t(k, a, 4*rs, 4*cs, panel, c, 4*ldc, alpha, acc)
			if rows -= n; rows > 0 { // a pointer past its operand would upset the garbage collector
				a, c = unsafe.Add(a, n*rs*4), unsafe.Add(c, n*ldc*4)
			}
		}
	}
}

// scatter writes element (i, j) of a panel of width nr, for i0 ≤ i < i1 and j0 ≤ j < j1, from src[j, i].
func scatter[E float32 | uint16](panel, src unsafe.Pointer, nr, ld, i0, i1, j0, j1 int, value func(E) float32) {
	var e E
	size := int(unsafe.Sizeof(e))
	for j := j0; j < j1; j++ {
		for i := i0; i < i1; i++ {
			x := *(*E)(unsafe.Add(src, (j*ld+i)*size))
			*(*float32)(unsafe.Add(panel, (i*nr+j)*4)) = value(x)
		}
	}
}

// columns512 transposes 16 rows of src at a time in assembly: quads of them that lie beyond n repeat the first, and
// what is not a multiple of 4 rows, or of 16 bytes along a row, is left to scatter.
func columns512[E float32 | uint16](
	asm func(panel, src unsafe.Pointer, ld, groups, o4, o8, o12 int), value func(E) float32,
) packFunc {
	const nr, lanes = 32, 16
	var e E
	size := int(unsafe.Sizeof(e))
	return func(panel, src unsafe.Pointer, ld, k, n int) {
		groups := k * size / 16
		done, quads := groups*16/size, n&^3
		for j := 0; j < quads && groups > 0; j += lanes {
			o := quadOffsets(quads-j, ld*size)
			asm(unsafe.Add(panel, j*4), unsafe.Add(src, j*ld*size), ld*size, groups, o[1], o[2], o[3])
		}
		scatter(panel, src, nr, ld, done, k, 0, quads, value)
		scatter(panel, src, nr, ld, 0, k, quads, n, value)
	}
}

// columns256 is columns512 for 8 rows at a time.
func columns256[E float32 | uint16](
	asm func(panel, src unsafe.Pointer, ld, groups, o4 int), value func(E) float32,
) packFunc {
	const nr, lanes = 16, 8
	var e E
	size := int(unsafe.Sizeof(e))
	return func(panel, src unsafe.Pointer, ld, k, n int) {
		groups := k * size / 16
		done, quads := groups*16/size, n&^3
		for j := 0; j < quads && groups > 0; j += lanes {
			o4 := 0
			if j+4 < quads {
				o4 = 4 * ld * size
			}
			asm(unsafe.Add(panel, j*4), unsafe.Add(src, j*ld*size), ld*size, groups, o4)
		}
		scatter(panel, src, nr, ld, done, k, 0, quads, value)
		scatter(panel, src, nr, ld, 0, k, quads, n, value)
	}
}

func rows512(asm func(panel, src unsafe.Pointer, ld, k, mask int), size int) packFunc {
	return func(panel, src unsafe.Pointer, ld, k, n int) {
		if k > 0 {
			asm(panel, src, ld*size, k, 1<<n-1)
		}
	}
}

func rows256[E float32 | uint16](asm func(panel, src unsafe.Pointer, ld, k int), value func(E) float32) packFunc {
	var e E
	size, partly := int(unsafe.Sizeof(e)), packRowsPlain(value)
	return func(panel, src unsafe.Pointer, ld, k, n int) {
		if n < 16 {
			partly(panel, src, ld, k, n)
		} else if k > 0 {
			asm(panel, src, ld*size, k)
		}
	}
}

// pairColumns packs columns as pairs along k: a pair is a word, and an odd last element is paired with zero.
func pairColumns(panel, src unsafe.Pointer, ld, k, n int) {
	const nr = 32
	columns512Words(panel, src, ld, k/8, n)
	for j := range n {
		from := k / 8 * 8
		if j >= n&^3 {
			from = 0
		}
		row := elements[uint16](unsafe.Add(src, j*ld*2), k)
		for i := from; i < k; i += 2 {
			pair := uint32(row[i])
			if i+1 < k {
				pair |= uint32(row[i+1]) << 16
			}
			*(*uint32)(unsafe.Add(panel, (i/2*nr+j)*4)) = pair
		}
	}
}

// columns512Words transposes groups of four words of as many rows as come in fours.
func columns512Words(panel, src unsafe.Pointer, ld, groups, n int) {
	for j := 0; j < n&^3 && groups > 0; j += 16 {
		o := quadOffsets(n&^3-j, ld*2)
		columnsWordsAVX512(unsafe.Add(panel, j*4), unsafe.Add(src, j*ld*2), ld*2, groups, o[1], o[2], o[3])
	}
}

// pairRows packs rows as pairs of rows.
func pairRows(panel, src unsafe.Pointer, ld, k, n int) {
	if k > 1 {
		rowsPairsAVX512(panel, src, ld*2, k/2, 1<<n-1)
	}
	if k%2 != 0 {
		last := elements[uint32](unsafe.Add(panel, k/2*32*4), 32)
		clear(last)
		for j, x := range elements[uint16](unsafe.Add(src, (k-1)*ld*2), n) {
			last[j] = uint32(x)
		}
	}
}

// pairProducts leaves what is no multiple of 32 elements of a row to Go.
func pairProducts(y []float32, w unsafe.Pointer, ld int, x []uint16) {
	k := len(x) &^ 31
	if clear(y); k > 0 && len(y) > 0 {
		productsPairsBF16(len(y), k, w, ld*2, &x[0], &y[0])
	}
	if k == len(x) {
		return
	}
	for i := range y {
		for j, v := range elements[uint16](unsafe.Add(w, i*ld*2), len(x))[k:] {
			y[i] += bf16Value(v) * bf16Value(x[k+j])
		}
	}
}

func pairUp(dst []uint32, lo, hi []float32) { pairUpBF16(len(dst), &dst[0], &lo[0], &hi[0]) }

func narrow(dst []uint16, src []float32) {
	n := len(src) &^ 15
	if n > 0 {
		narrowBF16(n, &dst[0], &src[0])
	}
	for i := n; i < len(src); i++ {
		dst[i] = bf16Bits(src[i])
	}
}

// products runs four rows at a time, the last four of them again if their number is no multiple of 4.
func products[E float32 | uint16](
	asm func(k int, w unsafe.Pointer, ld int, x, y *float32), lanes int, value func(E) float32,
) productsFunc {
	var e E
	size, few := int(unsafe.Sizeof(e)), productsPlain(value)
	return func(y []float32, w unsafe.Pointer, ld int, x []float32) {
		k := len(x) / lanes * lanes
		if len(y) < 4 || k == 0 {
			few(y, w, ld, x)
			return
		}
		for i := 0; i < len(y); i += 4 {
			i = min(i, len(y)-4)
			asm(k, unsafe.Add(w, i*ld*size), ld*size, &x[0], &y[i])
		}
		if k == len(x) {
			return
		}
		for i := range y {
			for j, v := range elements[E](unsafe.Add(w, (i*ld+k)*size), len(x)-k) {
				y[i] += value(v) * x[k+j]
			}
		}
	}
}
