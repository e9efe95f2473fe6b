#include "textflag.h"
#include "columns_avx2_amd64.h"

// Packing for AVX2, panels of 16 columns: 64 bytes from one row of a panel to the next.

// The straight copies take k > 0 rows of 16 elements.
#define ROWS \
	MOVQ panel+0(FP), DI; \
	MOVQ src+8(FP), SI; \
	MOVQ ld+16(FP), R8; \
	MOVQ k+24(FP), CX

#define NEXT \
	VMOVUPS Y0, (DI); \
	VMOVUPS Y1, 32(DI); \
	ADDQ    R8, SI; \
	ADDQ    $64, DI; \
	DECQ    CX; \
	JNZ     loop; \
	VZEROUPPER; \
	RET

// func columnsWordsAVX2(panel, src unsafe.Pointer, ld, groups, o4 int)
TEXT ·columnsWordsAVX2(SB), NOSPLIT, $0-40
	START

loop:
	TRANSPOSE
	VMOVUPS Y8, (DI)
	VMOVUPS Y9, 64(DI)
	VMOVUPS Y10, 128(DI)
	VMOVUPS Y11, 192(DI)
	ADDQ    $256, DI
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET

#define SPLITBF16(Y, OFF) \
	VPSLLD  $16, Y, Y12; \
	VPAND   Y15, Y, Y13; \
	VMOVUPS Y12, OFF(DI); \
	VMOVUPS Y13, OFF+64(DI)

// func columnsBF16AVX2(panel, src unsafe.Pointer, ld, groups, o4 int)
TEXT ·columnsBF16AVX2(SB), NOSPLIT, $0-40
	START
	VPCMPEQD Y15, Y15, Y15
	VPSLLD   $16, Y15, Y15

loop:
	TRANSPOSE
	SPLITBF16(Y8, 0)
	SPLITBF16(Y9, 128)
	SPLITBF16(Y10, 256)
	SPLITBF16(Y11, 384)
	ADDQ $512, DI
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// The 16-bit halves of 32-bit words are gathered with an unsigned saturating pack, lane by lane, and VPERMQ.
#define SPLITF16(Y, OFF) \
	VPSRLD    $16, Y, Y13; \
	VPAND     Y15, Y, Y12; \
	VPACKUSDW Y13, Y12, Y12; \
	VPERMQ    $0xd8, Y12, Y12; \
	VCVTPH2PS X12, Y13; \
	VMOVUPS   Y13, OFF(DI); \
	VEXTRACTI128 $1, Y12, X12; \
	VCVTPH2PS X12, Y13; \
	VMOVUPS   Y13, OFF+64(DI)

// func columnsF16AVX2(panel, src unsafe.Pointer, ld, groups, o4 int)
TEXT ·columnsF16AVX2(SB), NOSPLIT, $0-40
	START
	VPCMPEQD Y15, Y15, Y15
	VPSRLD   $16, Y15, Y15

loop:
	TRANSPOSE
	SPLITF16(Y8, 0)
	SPLITF16(Y9, 128)
	SPLITF16(Y10, 256)
	SPLITF16(Y11, 384)
	ADDQ $512, DI
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// func rowsF32AVX2(panel, src unsafe.Pointer, ld, k int)
TEXT ·rowsF32AVX2(SB), NOSPLIT, $0-32
	ROWS

loop:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	NEXT

// func rowsBF16AVX2(panel, src unsafe.Pointer, ld, k int)
TEXT ·rowsBF16AVX2(SB), NOSPLIT, $0-32
	ROWS

loop:
	VPMOVZXWD (SI), Y0
	VPMOVZXWD 16(SI), Y1
	VPSLLD    $16, Y0, Y0
	VPSLLD    $16, Y1, Y1
	NEXT

// func rowsF16AVX2(panel, src unsafe.Pointer, ld, k int)
TEXT ·rowsF16AVX2(SB), NOSPLIT, $0-32
	ROWS

loop:
	VCVTPH2PS (SI), Y0
	VCVTPH2PS 16(SI), Y1
	NEXT
