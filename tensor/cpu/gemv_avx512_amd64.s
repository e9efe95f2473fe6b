#include "textflag.h"

// Products of four rows of a weight with one vector: k > 0 elements, a multiple of 16.
//
// SI, R9, R10, R11 rows; DX x; CX elements left; Z0 … Z3 sums; Z4 x.
#define START \
	MOVQ   k+0(FP), CX; \
	MOVQ   w+8(FP), SI; \
	MOVQ   ld+16(FP), R8; \
	MOVQ   x+24(FP), DX; \
	LEAQ   (SI)(R8*1), R9; \
	LEAQ   (SI)(R8*2), R10; \
	LEAQ   (R9)(R8*2), R11; \
	VPXORQ Z0, Z0, Z0; \
	VPXORQ Z1, Z1, Z1; \
	VPXORQ Z2, Z2, Z2; \
	VPXORQ Z3, Z3, Z3

// The four rows after these are fetched meanwhile: rows are too short for the processor to foresee them.
#define NEXT(BYTES) \
	PREFETCHT1 (SI)(R8*4); \
	PREFETCHT1 (R9)(R8*4); \
	PREFETCHT1 (R10)(R8*4); \
	PREFETCHT1 (R11)(R8*4); \
	ADDQ $BYTES, SI; \
	ADDQ $BYTES, R9; \
	ADDQ $BYTES, R10; \
	ADDQ $BYTES, R11; \
	ADDQ $64, DX

#define REDUCE(Z, Y, X, OFF) \
	VEXTRACTF64X4 $1, Z, Y4; \
	VADDPS        Y4, Y, Y; \
	VEXTRACTF128  $1, Y, X4; \
	VADDPS        X4, X, X; \
	VHADDPS       X, X, X; \
	VHADDPS       X, X, X; \
	VMOVSS        X, OFF(DI)

#define FINISH \
	MOVQ y+32(FP), DI; \
	REDUCE(Z0, Y0, X0, 0); \
	REDUCE(Z1, Y1, X1, 4); \
	REDUCE(Z2, Y2, X2, 8); \
	REDUCE(Z3, Y3, X3, 12); \
	VZEROUPPER; \
	RET

// func products4F32AVX512(k int, w unsafe.Pointer, ld int, x, y *float32)
TEXT ·products4F32AVX512(SB), NOSPLIT, $0-40
	START

loop:
	VMOVUPS     (DX), Z4
	VFMADD231PS (SI), Z4, Z0
	VFMADD231PS (R9), Z4, Z1
	VFMADD231PS (R10), Z4, Z2
	VFMADD231PS (R11), Z4, Z3
	NEXT(64)
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
	NEXT(32)
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
	NEXT(32)
	SUBQ    $16, CX
	JNZ     loop
	FINISH
