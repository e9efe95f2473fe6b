#include "textflag.h"

// Go's assembler has no VDPBF16PS: DOTr is VDPBF16PS Z(8+r), Z(4+r), Zr, as bytes.
#define DOT0 BYTE $0x62; BYTE $0xd2; BYTE $0x5e; BYTE $0x48; BYTE $0x52; BYTE $0xc0
#define DOT1 BYTE $0x62; BYTE $0xd2; BYTE $0x56; BYTE $0x48; BYTE $0x52; BYTE $0xc9
#define DOT2 BYTE $0x62; BYTE $0xd2; BYTE $0x4e; BYTE $0x48; BYTE $0x52; BYTE $0xd2
#define DOT3 BYTE $0x62; BYTE $0xd2; BYTE $0x46; BYTE $0x48; BYTE $0x52; BYTE $0xdb

// productsPairsBF16 multiplies n > 0 rows of a weight in bfloat16, ld bytes apart, by one vector of pairs: k > 0
// elements, a multiple of 32. It reads one row after the other and leaves it to the processor to foresee the next.
//
// func productsPairsBF16(n, k int, w unsafe.Pointer, ld int, x *uint16, y *float32)
TEXT ·productsPairsBF16(SB), NOSPLIT, $0-48
	MOVQ n+0(FP), BX
	MOVQ k+8(FP), CX
	MOVQ w+16(FP), SI
	MOVQ ld+24(FP), R8
	MOVQ x+32(FP), DX
	MOVQ y+40(FP), DI
	SHLQ $1, CX
	MOVQ CX, R9
	ANDQ $~255, R9

row:
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	XORQ   AX, AX
	CMPQ   AX, R9
	JEQ    rest

loop:
	VMOVUPS (DX)(AX*1), Z4
	VMOVUPS 64(DX)(AX*1), Z5
	VMOVUPS 128(DX)(AX*1), Z6
	VMOVUPS 192(DX)(AX*1), Z7
	VMOVUPS (SI)(AX*1), Z8
	VMOVUPS 64(SI)(AX*1), Z9
	VMOVUPS 128(SI)(AX*1), Z10
	VMOVUPS 192(SI)(AX*1), Z11
	DOT0
	DOT1
	DOT2
	DOT3
	ADDQ    $256, AX
	CMPQ    AX, R9
	JNE     loop

rest:
	CMPQ    AX, CX
	JEQ     sum
	VMOVUPS (DX)(AX*1), Z4
	VMOVUPS (SI)(AX*1), Z8
	DOT0
	ADDQ    $64, AX
	JMP     rest

sum:
	VADDPS        Z1, Z0, Z0
	VADDPS        Z3, Z2, Z2
	VADDPS        Z2, Z0, Z0
	VEXTRACTF64X4 $1, Z0, Y1
	VADDPS        Y1, Y0, Y0
	VEXTRACTF128  $1, Y0, X1
	VADDPS        X1, X0, X0
	VHADDPS       X0, X0, X0
	VHADDPS       X0, X0, X0
	VMOVSS        X0, (DI)
	ADDQ          $4, DI
	ADDQ          R8, SI
	DECQ          BX
	JNZ           row
	VZEROUPPER
	RET
