#include "textflag.h"
#include "gemv_avx512_amd64.h"

// Products of four rows of codes with one vector. Four rows of 4 bits take less time than memory: those after the next
// four are fetched.

// LOOKUP is Z5 … Z8 = the values of one code of each word of Z20 … Z23, and Z4 = the 16 elements of x for them.
#define LOOKUP(SHIFT, OFF) \
	VMOVUPS OFF(DX), Z4; \
	VPSRLD  $SHIFT, Z20, Z5; \
	VPSRLD  $SHIFT, Z21, Z6; \
	VPSRLD  $SHIFT, Z22, Z7; \
	VPSRLD  $SHIFT, Z23, Z8; \
	VPERMPS Z30, Z5, Z5; \
	VPERMPS Z30, Z6, Z6; \
	VPERMPS Z30, Z7, Z7; \
	VPERMPS Z30, Z8, Z8

#define ADDCODE(SHIFT, OFF) \
	LOOKUP(SHIFT, OFF); \
	VFMADD231PS Z4, Z5, Z16; \
	VFMADD231PS Z4, Z6, Z17; \
	VFMADD231PS Z4, Z7, Z18; \
	VFMADD231PS Z4, Z8, Z19

// products4Codes4AVX512 takes k > 0 codes of 4 bits, a multiple of 64, two blocks at a time. x has the order of
// arrangeWords; after an odd last block it goes on with zeros.
//
// func products4Codes4AVX512(k int, w unsafe.Pointer, ld int, x, y *float32, scales unsafe.Pointer, sld int,
//	table unsafe.Pointer)
TEXT ·products4Codes4AVX512(SB), NOSPLIT, $0-64
	START
	MOVQ    scales+40(FP), BX
	MOVQ    sld+48(FP), R12
	MOVQ    table+56(FP), AX
	LEAQ    (R12)(R12*2), R13
	VMOVUPS (AX), Z30
	MOVL    $0xffff, AX
	KMOVW   AX, K1
	MOVL    $0xff00, AX
	KMOVW   AX, K2

loop:
	CMPQ  CX, $128
	JGE   pair
	MOVL  $0xff, AX
	KMOVW AX, K1
	KXORW K2, K2, K2

pair:
	VMOVDQU32.Z (SI), K1, Z20
	VMOVDQU32.Z (R9), K1, Z21
	VMOVDQU32.Z (R10), K1, Z22
	VMOVDQU32.Z (R11), K1, Z23
	LOOKUP(4, 0)
	VMULPS      Z4, Z5, Z16
	VMULPS      Z4, Z6, Z17
	VMULPS      Z4, Z7, Z18
	VMULPS      Z4, Z8, Z19
	ADDCODE(0, 64)
	ADDCODE(12, 128)
	ADDCODE(8, 192)
	ADDCODE(20, 256)
	ADDCODE(16, 320)
	ADDCODE(28, 384)
	ADDCODE(24, 448)
	SCALED((BX), 4(BX), Z16, Z0)
	SCALED((BX)(R12*1), 4(BX)(R12*1), Z17, Z1)
	SCALED((BX)(R12*2), 4(BX)(R12*2), Z18, Z2)
	SCALED((BX)(R13*1), 4(BX)(R13*1), Z19, Z3)
	NEXT(64, 8)
	ADDQ        $512, DX
	ADDQ        $8, BX
	SUBQ        $128, CX
	JGT         loop
	FINISH

#define I8(ROW, SUM, Z) \
	VPMOVSXBD   (ROW), Z; \
	VCVTDQ2PS   Z, Z; \
	VFMADD231PS Z, Z4, SUM

// products4I8AVX512 takes k > 0 codes of 8 bits, a multiple of 16, and leaves their scales out.
//
// func products4I8AVX512(k int, w unsafe.Pointer, ld int, x, y *float32)
TEXT ·products4I8AVX512(SB), NOSPLIT, $0-40
	START

loop:
	VMOVUPS (DX), Z4
	I8(SI, Z0, Z5)
	I8(R9, Z1, Z6)
	I8(R10, Z2, Z7)
	I8(R11, Z3, Z8)
	NEXT(16, 8)
	ADDQ    $64, DX
	SUBQ    $16, CX
	JNZ     loop
	FINISH
