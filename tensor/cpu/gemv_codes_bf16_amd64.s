#include "textflag.h"
#include "gemv_avx512_amd64.h"

// Products of four rows of codes of 4 bits with one vector, in bfloat16.

// DOTS is Z16 … Z19 += the products of pairs in Z4 and Z5 … Z8. Go's assembler has no VDPBF16PS: these are VDPBF16PS
// Z5, Z4, Z16 and so on, as bytes.
#define DOTS \
	BYTE $0x62; BYTE $0xe2; BYTE $0x5e; BYTE $0x48; BYTE $0x52; BYTE $0xc5; \
	BYTE $0x62; BYTE $0xe2; BYTE $0x5e; BYTE $0x48; BYTE $0x52; BYTE $0xce; \
	BYTE $0x62; BYTE $0xe2; BYTE $0x5e; BYTE $0x48; BYTE $0x52; BYTE $0xd7; \
	BYTE $0x62; BYTE $0xc2; BYTE $0x5e; BYTE $0x48; BYTE $0x52; BYTE $0xd8

// LOOKUP is Z5 … Z8 = the values of the codes in the low bits of each 16-bit word of A … D. The table holds the sixteen
// values twice: the fifth bit, which VPERMW reads too, belongs to another code.
#define LOOKUP(A, B, C, D) \
	VPERMW Z30, A, Z5; \
	VPERMW Z30, B, Z6; \
	VPERMW Z30, C, Z7; \
	VPERMW Z30, D, Z8

#define SHIFTED(SHIFT, OFF) \
	VMOVUPS OFF(DX), Z4; \
	VPSRLW  $SHIFT, Z20, Z5; \
	VPSRLW  $SHIFT, Z21, Z6; \
	VPSRLW  $SHIFT, Z22, Z7; \
	VPSRLW  $SHIFT, Z23, Z8; \
	LOOKUP(Z5, Z6, Z7, Z8); \
	DOTS

// products4Codes4BF16 takes k > 0 codes of 4 bits, a multiple of 64, two blocks at a time. x has the order of
// arrangePairs. What is left of a sum below 2⁻¹²⁶ may count as zero.
//
// func products4Codes4BF16(k int, w unsafe.Pointer, ld int, x, y *float32, scales unsafe.Pointer, sld int,
//	table unsafe.Pointer)
TEXT ·products4Codes4BF16(SB), NOSPLIT, $0-64
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
	VPXORQ      Z16, Z16, Z16
	VPXORQ      Z17, Z17, Z17
	VPXORQ      Z18, Z18, Z18
	VPXORQ      Z19, Z19, Z19
	SHIFTED(4, 0)
	VMOVUPS     64(DX), Z4
	LOOKUP(Z20, Z21, Z22, Z23)
	DOTS
	SHIFTED(12, 128)
	SHIFTED(8, 192)
	SCALED((BX), 4(BX), Z16, Z0)
	SCALED((BX)(R12*1), 4(BX)(R12*1), Z17, Z1)
	SCALED((BX)(R12*2), 4(BX)(R12*2), Z18, Z2)
	SCALED((BX)(R13*1), 4(BX)(R13*1), Z19, Z3)
	NEXT(64, 8)
	ADDQ        $256, DX
	ADDQ        $8, BX
	SUBQ        $128, CX
	JGT         loop
	FINISH

// The words 0, 4, 8 … 60 of two vectors, twice; plus 1, 2 and 3 for the others.
DATA quarters<>+0(SB)/8, $0x000c000800040000
DATA quarters<>+8(SB)/8, $0x001c001800140010
DATA quarters<>+16(SB)/8, $0x002c002800240020
DATA quarters<>+24(SB)/8, $0x003c003800340030
DATA quarters<>+32(SB)/8, $0x000c000800040000
DATA quarters<>+40(SB)/8, $0x001c001800140010
DATA quarters<>+48(SB)/8, $0x002c002800240020
DATA quarters<>+56(SB)/8, $0x003c003800340030
GLOBL quarters<>(SB), RODATA|NOPTR, $64

// QUARTER stores the words that Z20 names of Z4 and Z5, then those of Z6 and Z7.
#define QUARTER(OFF) \
	VMOVDQA64 Z20, Z8; \
	VMOVDQA64 Z20, Z9; \
	VPERMI2W  Z5, Z4, Z8; \
	VPERMI2W  Z7, Z6, Z9; \
	VMOVDQU16 Z9, K1, Z8; \
	VMOVDQU32 Z8, OFF(DI); \
	VPADDW    Z21, Z20, Z20

// arrangePairs rounds groups > 0 times 128 elements to bfloat16 and puts those that follow each fourth one together.
// Go's assembler has no VCVTNE2PS2BF16.
//
// func arrangePairsBF16(groups int, dst, x *float32)
TEXT ·arrangePairsBF16(SB), NOSPLIT, $0-24
	MOVQ         groups+0(FP), CX
	MOVQ         dst+8(FP), DI
	MOVQ         x+16(FP), SI
	MOVL         $0xffff0000, AX
	KMOVD        AX, K1
	MOVL         $1, AX
	VPBROADCASTW AX, Z21

loop:
	VMOVUPS 0(SI), Z0
	VMOVUPS 64(SI), Z1
	VMOVUPS 128(SI), Z2
	VMOVUPS 192(SI), Z3
	BYTE $0x62; BYTE $0xf2; BYTE $0x77; BYTE $0x48; BYTE $0x72; BYTE $0xe0 // VCVTNE2PS2BF16 Z0, Z1, Z4: Z0 is the low half
	BYTE $0x62; BYTE $0xf2; BYTE $0x67; BYTE $0x48; BYTE $0x72; BYTE $0xea // VCVTNE2PS2BF16 Z2, Z3, Z5: Z2 is the low half
	VMOVUPS 256(SI), Z0
	VMOVUPS 320(SI), Z1
	VMOVUPS 384(SI), Z2
	VMOVUPS 448(SI), Z3
	BYTE $0x62; BYTE $0xf2; BYTE $0x77; BYTE $0x48; BYTE $0x72; BYTE $0xf0 // VCVTNE2PS2BF16 Z0, Z1, Z6: Z0 is the low half
	BYTE $0x62; BYTE $0xf2; BYTE $0x67; BYTE $0x48; BYTE $0x72; BYTE $0xfa // VCVTNE2PS2BF16 Z2, Z3, Z7: Z2 is the low half
	VMOVUPS quarters<>(SB), Z20
	QUARTER(0)
	QUARTER(64)
	QUARTER(128)
	QUARTER(192)
	ADDQ    $512, SI
	ADDQ    $256, DI
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET
