package cpu

import (
	"math"
	"unsafe"

	"github.com/vulora/vulora/tensor/kernel"
)

// mostBlocks is the number of blocks along the longest panel of an instruction set, kc/64.
const mostBlocks = 7

// quadOffsets are the bytes from row 0 to rows 0, 4, 8 and 12 of a transposition, 0 for those that are not below n.
func quadOffsets(n, rowBytes int) (o [4]int) {
	for q := range o {
		if 4*q < n {
			o[q] = 4 * q * rowBytes
		}
	}
	return o
}

// gather fills dst with the scales of block b of rows row … row+rows−1, the last again if they are too few.
func (w weight) gather(dst []float32, row, rows, b int) {
	for l := range dst {
		dst[l] = w.scale(row+min(l, rows-1), b)
	}
}

// planes are the first bytes of the sixteen numbers, then their second bytes, and so on.
func planes(table *[16]float32) *[64]byte {
	var p [64]byte
	for i, x := range table {
		for b := range 4 {
			p[16*b+i] = byte(math.Float32bits(x) >> (8 * b))
		}
	}
	return &p
}

// arrangeWords orders x for 16 words of eight codes of 4 bits: code i of all words, then code i+1.
func arrangeWords(dst, x []float32) {
	const lanes = 16
	for g := 0; g < len(dst); g += 8 * lanes {
		d := dst[g : g+8*lanes]
		for l := range lanes {
			var word [8]float32
			if at := g + 8*l; at < len(x) {
				word = [8]float32(x[at:])
			}
			d[l], d[lanes+l], d[2*lanes+l], d[3*lanes+l] = word[0], word[1], word[2], word[3]
			d[4*lanes+l], d[5*lanes+l], d[6*lanes+l], d[7*lanes+l] = word[4], word[5], word[6], word[7]
		}
	}
}

// arrangeHalves orders x for blocks of 32 bytes: the elements of their high halves, then those of their low halves. In
// each four bytes of the first 16 are followed by the corresponding four of the others.
func arrangeHalves(dst, x []float32) {
	for g := 0; g < len(dst); g += 64 {
		d, s := dst[g:g+64], x[g:g+64]
		for i := range 32 {
			at := i/4%4*8 + i/16*4 + i%4
			d[at], d[32+at] = s[2*i], s[2*i+1]
		}
	}
}

func codes512(table *[16]float32) codes {
	const nr, lanes = 32, 16
	value := code4(table)
	return codes{
		group: 8 * lanes, arrange: arrangeWords,
		packCols: func(panel unsafe.Pointer, w weight, k, n int) {
			quads, blocks := n&^3, k/kernel.BlockSize
			var s [mostBlocks * lanes]float32
			for j := 0; j < quads; j += lanes {
				for b := range blocks {
					w.gather(s[b*lanes:(b+1)*lanes], j, quads-j, b)
				}
				o := quadOffsets(quads-j, w.ld/2)
				columnsCodes4AVX512(unsafe.Add(panel, j*4), w.at(j, 0), w.ld/2, blocks, o[1], o[2], o[3], &s[0], &table[0])
			}
			scatterCodes(panel, nr, w, 0, k, quads, n, value, kernel.BlockSize)
		},
		packRows: func(panel unsafe.Pointer, w weight, k, n int) {
			rowsCodes4AVX512(panel, w.p, w.ld/2, k, w.scales, 4*w.blocks, &table[0])
		},
		products: productsCodes4(products4Codes4AVX512, unsafe.Pointer(table)),
		pairs: &codes{
			group: 8 * lanes, arrange: arrangePairs,
			products: productsCodes4(products4Codes4BF16, unsafe.Pointer(twice(table))),
		},
	}
}

// twice is the table in bfloat16, two times.
func twice(table *[16]float32) *[32]uint16 {
	var t [32]uint16
	for i := range t {
		t[i] = bf16Bits(table[i%16])
	}
	return &t
}

// arrangePairs rounds x to bfloat16 in the order of 32 words of four codes of 4 bits: code i of all words, then code
// i+1.
func arrangePairs(dst, x []float32) {
	const group = 128
	whole := len(x) / group
	if whole > 0 {
		arrangePairsBF16(whole, &dst[0], &x[0])
	}
	if rest := x[whole*group:]; len(rest) > 0 {
		var last [group]float32
		copy(last[:], rest)
		arrangePairsBF16(1, &dst[whole*group/2], &last[0])
	}
}

func codes256(table *[16]float32) codes {
	const nr, lanes = 16, 8
	value := code4(table)
	return codes{
		group: kernel.BlockSize, arrange: arrangeHalves,
		packCols: func(panel unsafe.Pointer, w weight, k, n int) {
			quads, blocks := n&^3, k/kernel.BlockSize
			var s [mostBlocks * lanes]float32
			for j := 0; j < quads; j += lanes {
				for b := range blocks {
					w.gather(s[b*lanes:(b+1)*lanes], j, quads-j, b)
				}
				o := quadOffsets(quads-j, w.ld/2)
				columnsCodes4AVX2(unsafe.Add(panel, j*4), w.at(j, 0), w.ld/2, blocks, o[1], &s[0], &table[0])
			}
			scatterCodes(panel, nr, w, 0, k, quads, n, value, kernel.BlockSize)
		},
		packRows: func(panel unsafe.Pointer, w weight, k, n int) {
			rowsCodes4AVX2(panel, w.p, w.ld/2, k, w.scales, 4*w.blocks, &table[0])
		},
		products: productsCodes4(products4Codes4AVX2, unsafe.Pointer(planes(table))),
	}
}

var bytes512 = codes{
	packCols: func(panel unsafe.Pointer, w weight, k, n int) {
		const nr, lanes = 32, 16
		quads, groups := n&^3, k/16
		var s [lanes]float32
		for j := 0; j < quads && groups > 0; j += lanes {
			w.gather(s[:], j, quads-j, 0)
			o := quadOffsets(quads-j, w.ld)
			columnsI8AVX512(unsafe.Add(panel, j*4), w.at(j, 0), w.ld, groups, o[1], o[2], o[3], &s[0])
		}
		scatterCodes(panel, nr, w, 16*groups, k, 0, quads, code8, wholeRow)
		scatterCodes(panel, nr, w, 0, k, quads, n, code8, wholeRow)
	},
	packRows: func(panel unsafe.Pointer, w weight, k, n int) {
		rowsI8AVX512(panel, w.p, w.ld, k, w.scales, 4*w.blocks, 1<<n-1)
	},
	products: productsI8(products4I8AVX512, 16),
	widen:    widenI8(widenI8AVX512, 16),
}

var bytes256 = codes{
	packCols: func(panel unsafe.Pointer, w weight, k, n int) {
		const nr, lanes = 16, 8
		quads, groups := n&^3, k/16
		var s [lanes]float32
		for j := 0; j < quads && groups > 0; j += lanes {
			w.gather(s[:], j, quads-j, 0)
			o := quadOffsets(quads-j, w.ld)
			columnsI8AVX2(unsafe.Add(panel, j*4), w.at(j, 0), w.ld, groups, o[1], &s[0])
		}
		scatterCodes(panel, nr, w, 16*groups, k, 0, quads, code8, wholeRow)
		scatterCodes(panel, nr, w, 0, k, quads, n, code8, wholeRow)
	},
	packRows: func(panel unsafe.Pointer, w weight, k, n int) {
		if n < 16 {
			rowsCodesPlain(panel, 16, w, k, n, code8)
		} else {
			rowsI8AVX2(panel, w.p, w.ld, k, w.scales, 4*w.blocks)
		}
	},
	products: productsI8(products4I8AVX2, 8),
	widen:    widenI8(widenI8AVX2, 8),
}

// productsCodes4 runs four rows at a time, the last four of them again if their number is no multiple of 4. Fewer than
// four rows are each taken for all four.
func productsCodes4(
	asm func(k int, w unsafe.Pointer, ld int, x, y *float32, scales unsafe.Pointer, sld int, table unsafe.Pointer),
	table unsafe.Pointer,
) func(y []float32, w weight, x []float32) {
	return func(y []float32, w weight, x []float32) {
		k, p, ld, scales, sld := len(x), w.p, w.ld/2, w.scales, 4*w.blocks
		if len(y) < 4 {
			var same [4]float32
			for i := range y {
				asm(k, unsafe.Add(p, i*ld), 0, &x[0], &same[0], unsafe.Add(scales, i*sld), 0, table)
				y[i] = same[0]
			}
			return
		}
		for i := 0; i < len(y); i += 4 {
			i = min(i, len(y)-4)
			asm(k, unsafe.Add(p, i*ld), ld, &x[0], &y[i], unsafe.Add(scales, i*sld), sld, table)
		}
	}
}

// productsI8 is productsCodes4 for codes of 8 bits, and does in Go what is left of a row after whole vectors.
func productsI8(
	asm func(k int, w unsafe.Pointer, ld int, x, y *float32), lanes int,
) func(y []float32, w weight, x []float32) {
	return func(y []float32, w weight, x []float32) {
		k := len(x) / lanes * lanes
		if len(y) < 4 || k == 0 {
			productsCodesPlain(y, w, x, code8, wholeRow)
			return
		}
		for i := 0; i < len(y); i += 4 {
			i = min(i, len(y)-4)
			asm(k, w.at(i, 0), w.ld, &x[0], &y[i])
		}
		for i := range y {
			for j, v := range elements[int8](w.at(i, k), len(x)-k) {
				y[i] += float32(v) * x[k+j]
			}
			y[i] *= w.scale(i, 0)
		}
	}
}

func widenI8(asm func(n int, dst *float32, src unsafe.Pointer), lanes int) func(dst []float32, src unsafe.Pointer) {
	return func(dst []float32, src unsafe.Pointer) {
		n := len(dst) / lanes * lanes
		if n > 0 {
			asm(n, &dst[0], src)
		}
		for i := n; i < len(dst); i++ {
			dst[i] = code8(src, i)
		}
	}
}
