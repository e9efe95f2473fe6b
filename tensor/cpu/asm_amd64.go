package cpu

import "unsafe"

// The functions in assembly. Strides are in bytes, and element counts are positive multiples of the vector's length.

//go:noescape
func tile12AVX512(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)

//go:noescape
func tile8AVX512(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)

//go:noescape
func tile4AVX512(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)

//go:noescape
func tile1AVX512(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)

//go:noescape
func tile12BF16(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)

//go:noescape
func tile8BF16(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)

//go:noescape
func tile4BF16(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)

//go:noescape
func tile1BF16(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)

//go:noescape
func tile6AVX2(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)

//go:noescape
func tile4AVX2(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)

//go:noescape
func tile2AVX2(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)

//go:noescape
func tile1AVX2(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)

//go:noescape
func columnsWordsAVX512(panel, src unsafe.Pointer, ld, groups, o4, o8, o12 int)

//go:noescape
func columnsBF16AVX512(panel, src unsafe.Pointer, ld, groups, o4, o8, o12 int)

//go:noescape
func columnsF16AVX512(panel, src unsafe.Pointer, ld, groups, o4, o8, o12 int)

//go:noescape
func rowsF32AVX512(panel, src unsafe.Pointer, ld, k, mask int)

//go:noescape
func rowsBF16AVX512(panel, src unsafe.Pointer, ld, k, mask int)

//go:noescape
func rowsF16AVX512(panel, src unsafe.Pointer, ld, k, mask int)

//go:noescape
func rowsPairsAVX512(panel, src unsafe.Pointer, ld, k, mask int)

//go:noescape
func columnsWordsAVX2(panel, src unsafe.Pointer, ld, groups, o4 int)

//go:noescape
func columnsBF16AVX2(panel, src unsafe.Pointer, ld, groups, o4 int)

//go:noescape
func columnsF16AVX2(panel, src unsafe.Pointer, ld, groups, o4 int)

//go:noescape
func rowsF32AVX2(panel, src unsafe.Pointer, ld, k int)

//go:noescape
func rowsBF16AVX2(panel, src unsafe.Pointer, ld, k int)

//go:noescape
func rowsF16AVX2(panel, src unsafe.Pointer, ld, k int)

//go:noescape
func products4F32AVX512(k int, w unsafe.Pointer, ld int, x, y *float32)

//go:noescape
func products4BF16AVX512(k int, w unsafe.Pointer, ld int, x, y *float32)

//go:noescape
func productsPairsBF16(n, k int, w unsafe.Pointer, ld int, x *uint16, y *float32)

//go:noescape
func products4F16AVX512(k int, w unsafe.Pointer, ld int, x, y *float32)

//go:noescape
func dotAVX512(n int, a, b *float32) float32

//go:noescape
func dot3AVX512(n int, a, b, c *float32) float32

//go:noescape
func largestAVX512(n int, x *float32) float32

//go:noescape
func expSumAVX512(n int, x *float32, shift float32) float32

//go:noescape
func scaleAVX512(n int, x *float32, k float32)

//go:noescape
func sumAVX512(n int, y, a, b *float32)

//go:noescape
func mulScaleAVX512(n int, y, x, w *float32, k float32)

//go:noescape
func normBackAVX512(n int, dx, dy, x, w *float32, r, c float32)

//go:noescape
func scoreAVX512(n int, dp, p *float32, delta, k float32)

//go:noescape
func swigluAVX512(n int, y, a, b *float32)

//go:noescape
func swigluBackAVX512(n int, da, db, dy, a, b *float32)

//go:noescape
func adamwAVX512(n int, p, m, v, grad *float32, s *adamStep)

//go:noescape
func widenBF16AVX512(n int, dst *float32, src unsafe.Pointer)

//go:noescape
func widenF16AVX512(n int, dst *float32, src unsafe.Pointer)

//go:noescape
func products4F32AVX2(k int, w unsafe.Pointer, ld int, x, y *float32)

//go:noescape
func products4BF16AVX2(k int, w unsafe.Pointer, ld int, x, y *float32)

//go:noescape
func products4F16AVX2(k int, w unsafe.Pointer, ld int, x, y *float32)

//go:noescape
func dotAVX2(n int, a, b *float32) float32

//go:noescape
func dot3AVX2(n int, a, b, c *float32) float32

//go:noescape
func largestAVX2(n int, x *float32) float32

//go:noescape
func expSumAVX2(n int, x *float32, shift float32) float32

//go:noescape
func scaleAVX2(n int, x *float32, k float32)

//go:noescape
func sumAVX2(n int, y, a, b *float32)

//go:noescape
func mulScaleAVX2(n int, y, x, w *float32, k float32)

//go:noescape
func normBackAVX2(n int, dx, dy, x, w *float32, r, c float32)

//go:noescape
func scoreAVX2(n int, dp, p *float32, delta, k float32)

//go:noescape
func swigluAVX2(n int, y, a, b *float32)

//go:noescape
func swigluBackAVX2(n int, da, db, dy, a, b *float32)

//go:noescape
func adamwAVX2(n int, p, m, v, grad *float32, s *adamStep)

//go:noescape
func widenBF16AVX2(n int, dst *float32, src unsafe.Pointer)

//go:noescape
func widenF16AVX2(n int, dst *float32, src unsafe.Pointer)

//go:noescape
func halveBF16(n int, panel unsafe.Pointer)

//go:noescape
func narrowBF16(n int, dst *uint16, src *float32)

//go:noescape
func pairUpBF16(n int, dst *uint32, lo, hi *float32)

//go:noescape
func rotateAVX512(n int, lo, hi, cos, sin *float32, sign float32)

//go:noescape
func dropoutAVX512(n int, y, x *float32, block, site, key, drop uint32, keep float32)

//go:noescape
func rotateAVX2(n int, lo, hi, cos, sin *float32, sign float32)

//go:noescape
func dropoutAVX2(n int, y, x *float32, block, site, key, drop uint32, keep float32)
