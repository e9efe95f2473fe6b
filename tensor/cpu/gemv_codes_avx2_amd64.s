#include "textflag.h"

// Products of four rows of codes with one vector.
//
// SI, R9, R10, R11 rows; R8 bytes between them; DX x; CX codes left; Y0 … Y3 sums; Y8 x.
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
	ADDQ $BYTES, R11

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

// VALUES adds the products of 32 codes, one in each byte of IDX, with x. Y12 … Y15 hold the four bytes of the table's
// sixteen numbers apart: they are looked up apart and then joined. VPERMPS on two halves of the table and a blend cost
// nearly twice as much.
#define VALUES(IDX, OFF) \
	VPSHUFB     IDX, Y12, Y5; \
	VPSHUFB     IDX, Y13, Y6; \
	VPUNPCKLBW  Y6, Y5, Y7; \
	VPUNPCKHBW  Y6, Y5, Y5; \
	VPSHUFB     IDX, Y14, Y6; \
	VPSHUFB     IDX, Y15, Y10; \
	VPUNPCKLBW  Y10, Y6, IDX; \
	VPUNPCKHBW  Y10, Y6, Y6; \
	VPUNPCKLWD  IDX, Y7, Y10; \
	VPUNPCKHWD  IDX, Y7, Y7; \
	VPUNPCKLWD  Y6, Y5, IDX; \
	VPUNPCKHWD  Y6, Y5, Y5; \
	VFMADD231PS OFF(DX), Y10, Y4; \
	VFMADD231PS OFF+32(DX), Y7, Y4; \
	VFMADD231PS OFF+64(DX), IDX, Y4; \
	VFMADD231PS OFF+96(DX), Y5, Y4

// BLOCK adds one block of a row times its scale. Y11 masks the low halves of bytes.
#define BLOCK(ROW, SCALE, SUM) \
	VMOVDQU      (ROW), Y8; \
	VPSRLW       $4, Y8, Y9; \
	VPAND        Y11, Y9, Y9; \
	VPAND        Y11, Y8, Y8; \
	VXORPS       Y4, Y4, Y4; \
	VALUES(Y9, 0); \
	VALUES(Y8, 128); \
	VBROADCASTSS SCALE, Y5; \
	VFMADD231PS  Y5, Y4, SUM

// products4Codes4AVX2 takes k > 0 codes of 4 bits, a multiple of 64, one block at a time. x has the order of
// arrangeHalves, table that of planes.
//
// func products4Codes4AVX2(k int, w unsafe.Pointer, ld int, x, y *float32, scales unsafe.Pointer, sld int,
//	table unsafe.Pointer)
TEXT ·products4Codes4AVX2(SB), NOSPLIT, $0-64
	START
	MOVQ           scales+40(FP), BX
	MOVQ           sld+48(FP), R12
	MOVQ           table+56(FP), AX
	LEAQ           (R12)(R12*2), R13
	VBROADCASTI128 (AX), Y12
	VBROADCASTI128 16(AX), Y13
	VBROADCASTI128 32(AX), Y14
	VBROADCASTI128 48(AX), Y15
	VPCMPEQD       Y11, Y11, Y11
	VPSRLW         $12, Y11, Y11
	VPACKUSWB      Y11, Y11, Y11

loop:
	BLOCK(SI, (BX), Y0)
	BLOCK(R9, (BX)(R12*1), Y1)
	BLOCK(R10, (BX)(R12*2), Y2)
	BLOCK(R11, (BX)(R13*1), Y3)
	NEXT(32)
	ADDQ $256, DX
	ADDQ $4, BX
	SUBQ $64, CX
	JNZ  loop
	FINISH

#define I8(ROW, SUM, Y) \
	VPMOVSXBD   (ROW), Y; \
	VCVTDQ2PS   Y, Y; \
	VFMADD231PS Y, Y8, SUM

// products4I8AVX2 takes k > 0 codes of 8 bits, a multiple of 8, and leaves their scales out.
//
// func products4I8AVX2(k int, w unsafe.Pointer, ld int, x, y *float32)
TEXT ·products4I8AVX2(SB), NOSPLIT, $0-40
	START

loop:
	VMOVUPS (DX), Y8
	I8(SI, Y0, Y4)
	I8(R9, Y1, Y5)
	I8(R10, Y2, Y6)
	I8(R11, Y3, Y7)
	NEXT(8)
	ADDQ    $32, DX
	SUBQ    $8, CX
	JNZ     loop
	FINISH
