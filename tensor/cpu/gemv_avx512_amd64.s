#include "textflag.h"
#include "gemv_avx512_amd64.h"

// Products of four rows of a weight with one vector: k > 0 elements, a multiple of 16.

// func products4F32AVX512(k int, w unsafe.Pointer, ld int, x, y *float32)
TEXT ·products4F32AVX512(SB), NOSPLIT, $0-40
	START

loop:
	VMOVUPS     (DX), Z4
	VFMADD231PS (SI), Z4, Z0
	VFMADD231PS (R9), Z4, Z1
	VFMADD231PS (R10), Z4, Z2
	VFMADD231PS (R11), Z4, Z3
	NEXT(64, 4)
	ADDQ        $64, DX
	SUBQ        $16, CX
	JNZ         loop
	FINISH

#define BF16(ROW, SUM, Z) \
	VPMOVZXWD   (ROW), Z; \
	VPSLLD      $16, Z, Z; \
	VFMADD231PS Z, Z4, SUM

// func products4BF16AVX512(k int, w unsafe.Pointer, ld int, x, y *float32)
TEXT ·products4BF16AVX512(SB), NOSPLIT, $0-40
	START

loop:
	VMOVUPS (DX), Z4
	BF16(SI, Z0, Z5)
	BF16(R9, Z1, Z6)
	BF16(R10, Z2, Z7)
	BF16(R11, Z3, Z8)
	NEXT(32, 4)
	ADDQ    $64, DX
	SUBQ    $16, CX
	JNZ     loop
	FINISH

#define F16(ROW, SUM, Z) \
	VCVTPH2PS   (ROW), Z; \
	VFMADD231PS Z, Z4, SUM

// func products4F16AVX512(k int, w unsafe.Pointer, ld int, x, y *float32)
TEXT ·products4F16AVX512(SB), NOSPLIT, $0-40
	START

loop:
	VMOVUPS (DX), Z4
	F16(SI, Z0, Z5)
	F16(R9, Z1, Z6)
	F16(R10, Z2, Z7)
	F16(R11, Z3, Z8)
	NEXT(32, 4)
	ADDQ    $64, DX
	SUBQ    $16, CX
	JNZ     loop
	FINISH
