#include "textflag.h"

// Products of four rows of a weight with one vector: k > 0 elements, a multiple of 8.
//
// SI, R9, R10, R11 rows; DX x; CX elements left; Y0 … Y3 sums; Y4 x.
#define START \
	MOVQ   k+0(FP), CX; \
	MOVQ   w+8(FP), SI; \
	MOVQ   ld+16(FP), R8; \
	MOVQ   x+24(FP), DX; \
	LEAQ   (SI)(R8*1), R9; \
	LEAQ   (SI)(R8*2), R10; \
	LEAQ   (R9)(R8*2), R11; \
	VXORPS Y0, Y0, Y0; \
	VXORPS Y1, Y1, Y1; \
	VXORPS Y2, Y2, Y2; \
	VXORPS Y3, Y3, Y3

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
	ADDQ $32, DX

#define REDUCE(Y, X, OFF) \
	VEXTRACTF128 $1, Y, X4; \
	VADDPS       X4, X, X; \
	VHADDPS      X, X, X; \
	VHADDPS      X, X, X; \
	VMOVSS       X, OFF(DI)

#define FINISH \
	MOVQ y+32(FP), DI; \
	REDUCE(Y0, X0, 0); \
	REDUCE(Y1, X1, 4); \
	REDUCE(Y2, X2, 8); \
	REDUCE(Y3, X3, 12); \
	VZEROUPPER; \
	RET

// func products4F32AVX2(k int, w unsafe.Pointer, ld int, x, y *float32)
TEXT ·products4F32AVX2(SB), NOSPLIT, $0-40
	START

loop:
	VMOVUPS     (DX), Y4
	VFMADD231PS (SI), Y4, Y0
	VFMADD231PS (R9), Y4, Y1
	VFMADD231PS (R10), Y4, Y2
	VFMADD231PS (R11), Y4, Y3
	NEXT(32)
	SUBQ        $8, CX
	JNZ         loop
	FINISH

#define BF16(ROW, SUM, Z) \
	VPMOVZXWD   (ROW), Z; \
	VPSLLD      $16, Z, Z; \
	VFMADD231PS Z, Y4, SUM

// func products4BF16AVX2(k int, w unsafe.Pointer, ld int, x, y *float32)
TEXT ·products4BF16AVX2(SB), NOSPLIT, $0-40
	START

loop:
	VMOVUPS (DX), Y4
	BF16(SI, Y0, Y5)
	BF16(R9, Y1, Y6)
	BF16(R10, Y2, Y7)
	BF16(R11, Y3, Y8)
	NEXT(16)
	SUBQ    $8, CX
	JNZ     loop
	FINISH

#define F16(ROW, SUM, Z) \
	VCVTPH2PS   (ROW), Z; \
	VFMADD231PS Z, Y4, SUM

// func products4F16AVX2(k int, w unsafe.Pointer, ld int, x, y *float32)
TEXT ·products4F16AVX2(SB), NOSPLIT, $0-40
	START

loop:
	VMOVUPS (DX), Y4
	F16(SI, Y0, Y5)
	F16(R9, Y1, Y6)
	F16(R10, Y2, Y7)
	F16(R11, Y3, Y8)
	NEXT(16)
	SUBQ    $8, CX
	JNZ     loop
	FINISH
