package cpu

import "unsafe"

// The functions in assembly for codes with scales; see asm_amd64.go.

//go:noescape
func columnsCodes4AVX512(panel, src unsafe.Pointer, ld, blocks, o4, o8, o12 int, scales, table *float32)

//go:noescape
func columnsI8AVX512(panel, src unsafe.Pointer, ld, groups, o4, o8, o12 int, scales *float32)

//go:noescape
func rowsCodes4AVX512(panel, src unsafe.Pointer, ld, k int, scales unsafe.Pointer, sld int, table *float32)

//go:noescape
func rowsI8AVX512(panel, src unsafe.Pointer, ld, k int, scales unsafe.Pointer, sld, mask int)

//go:noescape
func widenI8AVX512(n int, dst *float32, src unsafe.Pointer)

//go:noescape
func products4Codes4AVX512(
	k int, w unsafe.Pointer, ld int, x, y *float32, scales unsafe.Pointer, sld int, table unsafe.Pointer,
)

//go:noescape
func products4Codes4BF16(
	k int, w unsafe.Pointer, ld int, x, y *float32, scales unsafe.Pointer, sld int, table unsafe.Pointer,
)

//go:noescape
func arrangePairsBF16(groups int, dst, x *float32)

//go:noescape
func products4I8AVX512(k int, w unsafe.Pointer, ld int, x, y *float32)

//go:noescape
func columnsCodes4AVX2(panel, src unsafe.Pointer, ld, blocks, o4 int, scales, table *float32)

//go:noescape
func columnsI8AVX2(panel, src unsafe.Pointer, ld, groups, o4 int, scales *float32)

//go:noescape
func rowsCodes4AVX2(panel, src unsafe.Pointer, ld, k int, scales unsafe.Pointer, sld int, table *float32)

//go:noescape
func rowsI8AVX2(panel, src unsafe.Pointer, ld, k int, scales unsafe.Pointer, sld int)

//go:noescape
func widenI8AVX2(n int, dst *float32, src unsafe.Pointer)

//go:noescape
func products4Codes4AVX2(
	k int, w unsafe.Pointer, ld int, x, y *float32, scales unsafe.Pointer, sld int, table unsafe.Pointer,
)

//go:noescape
func products4I8AVX2(k int, w unsafe.Pointer, ld int, x, y *float32)
