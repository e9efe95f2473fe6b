package cpu

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// AMX multiplies tiles of 16 rows of 16 pairs of bfloat16 (Intel, Software Developer's Manual, volume 1, chapter 18).
const amxRows = 16 // of a tile; also the pairs in a row of one

// hasAMX tells whether the processor has tiles of bfloat16 and the kernel lets this process use them.
func hasAMX() bool {
	return cpu.X86.HasAMXTile && cpu.X86.HasAMXBF16 && cpu.X86.HasAVX512BF16 && requestTiles()
}

var amx = &bf16ISA{
	mr:       64,
	tile:     tileAMX,
	packCols: pairColumns,
	packRows: pairRows,
	halve:    halveBF16,
	narrow:   narrow,
	products: pairProducts,
	pairUp:   pairUp,
}

// A tileConfig is the operand of LDTILECFG: the palette, which is 1, and the size of each tile.
type tileConfig struct {
	palette, start uint8
	_              [14]uint8
	bytes          [16]uint16 // in a row
	rows           [16]uint8
}

// tilesOf configures tiles for the products of up to 32 rows and 16 pairs.
func tilesOf(rows, pairs int) tileConfig {
	upper, lower := min(rows, amxRows), max(rows-amxRows, 0)
	cfg := tileConfig{palette: 1}
	for i, t := range [8]struct{ rows, bytes int }{
		{upper, 64}, {upper, 64}, {lower, 64}, {lower, 64}, {upper, 4 * pairs}, {lower, 4 * pairs}, {pairs, 64}, {pairs, 64},
	} {
		if t.rows > 0 {
			cfg.rows[i], cfg.bytes[i] = uint8(t.rows), uint16(t.bytes)
		}
	}
	return cfg
}

// tileAMX is a tile of any number of rows. Every element of c is summed in the same order wherever its row is: sixteen
// pairs at a time. Rows of a whose pairs are not neighbours, and factors other than 1, are left to VDPBF16PS.
func tileAMX(rows, k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool) {
	if cs != 1 || alpha != 1 || k == 0 {
		avx512BF16.tile(rows, k, a, rs, cs, panel, c, ldc, alpha, acc)
		return
	}
	steps, rest := k/amxRows, k%amxRows
	if steps > 0 {
		rowsAMX(rows, steps, amxRows, a, rs, panel, c, ldc, acc)
		acc = true
	}
	if rest > 0 {
		a, panel = unsafe.Add(a, steps*amxRows*4), unsafe.Add(panel, steps*amxRows*32*4)
		rowsAMX(rows, 1, rest, a, rs, panel, c, ldc, acc)
	}
}

// rowsAMX does steps of so many pairs for all rows, 32 at a time.
func rowsAMX(rows, steps, pairs int, a unsafe.Pointer, rs int, panel, c unsafe.Pointer, ldc int, acc bool) {
	const block = 2 * amxRows
	if n := rows / block; n > 0 {
		cfg := tilesOf(block, pairs)
		blocksAMX(&cfg, n, steps, a, 4*rs, panel, c, 4*ldc, acc)
		if rows -= n * block; rows > 0 { // a pointer past its operand would upset the garbage collector
			a, c = unsafe.Add(a, n*block*rs*4), unsafe.Add(c, n*block*ldc*4)
		}
	}
	if rows == 0 {
		return
	}
	cfg := tilesOf(rows, pairs)
	if rows > amxRows {
		blocksAMX(&cfg, 1, steps, a, 4*rs, panel, c, 4*ldc, acc)
	} else {
		halfAMX(&cfg, steps, a, 4*rs, panel, c, 4*ldc, acc)
	}
}

//go:noescape
func blocksAMX(cfg *tileConfig, blocks, steps int, a unsafe.Pointer, rs int, panel, c unsafe.Pointer, ldc int, acc bool)

//go:noescape
func halfAMX(cfg *tileConfig, steps int, a unsafe.Pointer, rs int, panel, c unsafe.Pointer, ldc int, acc bool)
