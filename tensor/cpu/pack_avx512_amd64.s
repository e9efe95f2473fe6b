#include "textflag.h"
#include "columns_avx512_amd64.h"

// Packing for AVX-512, panels of 32 columns: 128 bytes from one row of a panel to the next.

// The straight copies take k > 0 rows of which the first n ≤ 32 elements are read: K1 (and K2 for the upper half of
// float32) mask them.
#define ROWS \
	MOVQ  panel+0(FP), DI; \
	MOVQ  src+8(FP), SI; \
	MOVQ  ld+16(FP), R8; \
	MOVQ  k+24(FP), CX; \
	MOVQ  mask+32(FP), AX; \
	KMOVD AX, K1; \
	SHRQ  $16, AX; \
	KMOVD AX, K2

// func columnsWordsAVX512(panel, src unsafe.Pointer, ld, groups, o4, o8, o12 int)
TEXT ·columnsWordsAVX512(SB), NOSPLIT, $0-56
	START

loop:
	TRANSPOSE
	VMOVUPS Z8, (DI)
	VMOVUPS Z9, 128(DI)
	VMOVUPS Z10, 256(DI)
	VMOVUPS Z11, 384(DI)
	ADDQ    $512, DI
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET

#define SPLITBF16(Z, OFF) \
	VPSLLD  $16, Z, Z12; \
	VPANDD  Z31, Z, Z13; \
	VMOVUPS Z12, OFF(DI); \
	VMOVUPS Z13, OFF+128(DI)

// func columnsBF16AVX512(panel, src unsafe.Pointer, ld, groups, o4, o8, o12 int)
TEXT ·columnsBF16AVX512(SB), NOSPLIT, $0-56
	START
	VPTERNLOGD $0xff, Z31, Z31, Z31
	VPSLLD     $16, Z31, Z31

loop:
	TRANSPOSE
	SPLITBF16(Z8, 0)
	SPLITBF16(Z9, 256)
	SPLITBF16(Z10, 512)
	SPLITBF16(Z11, 768)
	ADDQ $1024, DI
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

#define SPLITF16(Z, OFF) \
	VPSRLD    $16, Z, Z13; \
	VPMOVDW   Z, Y12; \
	VPMOVDW   Z13, Y13; \
	VCVTPH2PS Y12, Z12; \
	VCVTPH2PS Y13, Z13; \
	VMOVUPS   Z12, OFF(DI); \
	VMOVUPS   Z13, OFF+128(DI)

// func columnsF16AVX512(panel, src unsafe.Pointer, ld, groups, o4, o8, o12 int)
TEXT ·columnsF16AVX512(SB), NOSPLIT, $0-56
	START

loop:
	TRANSPOSE
	SPLITF16(Z8, 0)
	SPLITF16(Z9, 256)
	SPLITF16(Z10, 512)
	SPLITF16(Z11, 768)
	ADDQ $1024, DI
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// func rowsF32AVX512(panel, src unsafe.Pointer, ld, k, mask int)
TEXT ·rowsF32AVX512(SB), NOSPLIT, $0-40
	ROWS

loop:
	VMOVUPS.Z (SI), K1, Z0
	VMOVUPS.Z 64(SI), K2, Z1
	VMOVUPS   Z0, (DI)
	VMOVUPS   Z1, 64(DI)
	ADDQ      R8, SI
	ADDQ      $128, DI
	DECQ      CX
	JNZ       loop
	VZEROUPPER
	RET

// func rowsBF16AVX512(panel, src unsafe.Pointer, ld, k, mask int)
TEXT ·rowsBF16AVX512(SB), NOSPLIT, $0-40
	ROWS

loop:
	VMOVDQU16.Z   (SI), K1, Z0
	VEXTRACTI64X4 $1, Z0, Y1
	VPMOVZXWD     Y0, Z0
	VPMOVZXWD     Y1, Z1
	VPSLLD        $16, Z0, Z0
	VPSLLD        $16, Z1, Z1
	VMOVUPS       Z0, (DI)
	VMOVUPS       Z1, 64(DI)
	ADDQ          R8, SI
	ADDQ          $128, DI
	DECQ          CX
	JNZ           loop
	VZEROUPPER
	RET

// func rowsF16AVX512(panel, src unsafe.Pointer, ld, k, mask int)
TEXT ·rowsF16AVX512(SB), NOSPLIT, $0-40
	ROWS

loop:
	VMOVDQU16.Z   (SI), K1, Z0
	VEXTRACTI64X4 $1, Z0, Y1
	VCVTPH2PS     Y0, Z0
	VCVTPH2PS     Y1, Z1
	VMOVUPS       Z0, (DI)
	VMOVUPS       Z1, 64(DI)
	ADDQ          R8, SI
	ADDQ          $128, DI
	DECQ          CX
	JNZ           loop
	VZEROUPPER
	RET

// rowsPairs interleaves rows 2i and 2i+1 into row i of pairs.
//
// func rowsPairsAVX512(panel, src unsafe.Pointer, ld, k, mask int)
TEXT ·rowsPairsAVX512(SB), NOSPLIT, $0-40
	ROWS

loop:
	VMOVDQU16.Z   (SI), K1, Z0
	VMOVDQU16.Z   (SI)(R8*1), K1, Z2
	VEXTRACTI64X4 $1, Z0, Y1
	VEXTRACTI64X4 $1, Z2, Y3
	VPMOVZXWD     Y0, Z0
	VPMOVZXWD     Y1, Z1
	VPMOVZXWD     Y2, Z2
	VPMOVZXWD     Y3, Z3
	VPSLLD        $16, Z2, Z2
	VPSLLD        $16, Z3, Z3
	VPORD         Z2, Z0, Z0
	VPORD         Z3, Z1, Z1
	VMOVUPS       Z0, (DI)
	VMOVUPS       Z1, 64(DI)
	LEAQ          (SI)(R8*2), SI
	ADDQ          $128, DI
	DECQ          CX
	JNZ           loop
	VZEROUPPER
	RET
