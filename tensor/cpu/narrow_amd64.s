#include "textflag.h"

// narrowBF16 converts n > 0 elements, a multiple of 16, to the nearest bfloat16. Go's assembler has no VCVTNEPS2BF16.
//
// func narrowBF16(n int, dst *uint16, src *float32)
TEXT ·narrowBF16(SB), NOSPLIT, $0-24
	MOVQ n+0(FP), CX
	MOVQ dst+8(FP), DI
	MOVQ src+16(FP), SI

loop:
	VMOVUPS (SI), Z0
	BYTE    $0x62; BYTE $0xf2; BYTE $0x7e; BYTE $0x48; BYTE $0x72; BYTE $0xc0 // VCVTNEPS2BF16 Z0, Y0
	VMOVDQU Y0, (DI)
	ADDQ    $64, SI
	ADDQ    $32, DI
	SUBQ    $16, CX
	JNZ     loop
	VZEROUPPER
	RET

// The words 0, 16, 1, 17 … 15, 31.
DATA interleave<>+0(SB)/8, $0x0011000100100000
DATA interleave<>+8(SB)/8, $0x0013000300120002
DATA interleave<>+16(SB)/8, $0x0015000500140004
DATA interleave<>+24(SB)/8, $0x0017000700160006
DATA interleave<>+32(SB)/8, $0x0019000900180008
DATA interleave<>+40(SB)/8, $0x001b000b001a000a
DATA interleave<>+48(SB)/8, $0x001d000d001c000c
DATA interleave<>+56(SB)/8, $0x001f000f001e000e
GLOBL interleave<>(SB), RODATA|NOPTR, $64

// halveBF16 rounds n > 0 pairs of rows, of 32 float32 each, to n rows of pairs of bfloat16 in the place of the first n.
// Go's assembler has no VCVTNE2PS2BF16.
//
// func halveBF16(n int, panel unsafe.Pointer)
TEXT ·halveBF16(SB), NOSPLIT, $0-16
	MOVQ    n+0(FP), CX
	MOVQ    panel+8(FP), DI
	MOVQ    DI, SI
	VMOVUPS interleave<>(SB), Z31

loop:
	VMOVUPS (SI), Z0
	VMOVUPS 64(SI), Z1
	VMOVUPS 128(SI), Z2
	VMOVUPS 192(SI), Z3
	// VCVTNE2PS2BF16 Z0, Z2, Z4: Z0 is the low half
	BYTE    $0x62; BYTE $0xf2; BYTE $0x6f; BYTE $0x48; BYTE $0x72; BYTE $0xe0
	BYTE    $0x62; BYTE $0xf2; BYTE $0x67; BYTE $0x48; BYTE $0x72; BYTE $0xe9 // VCVTNE2PS2BF16 Z1, Z3, Z5
	VPERMW  Z4, Z31, Z4
	VPERMW  Z5, Z31, Z5
	VMOVDQU32 Z4, (DI)
	VMOVDQU32 Z5, 64(DI)
	ADDQ    $256, SI
	ADDQ    $128, DI
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET

// pairUpBF16 makes pairs of the nearest bfloat16 of lo and hi, n > 0 of them, a multiple of 16; lo is the low half.
//
// func pairUpBF16(n int, dst *uint32, lo, hi *float32)
TEXT ·pairUpBF16(SB), NOSPLIT, $0-32
	MOVQ    n+0(FP), CX
	MOVQ    dst+8(FP), DI
	MOVQ    lo+16(FP), SI
	MOVQ    hi+24(FP), DX
	VMOVUPS interleave<>(SB), Z31

loop:
	VMOVUPS   (SI), Z0
	VMOVUPS   (DX), Z2
	BYTE      $0x62; BYTE $0xf2; BYTE $0x6f; BYTE $0x48; BYTE $0x72; BYTE $0xe0 // VCVTNE2PS2BF16 Z0, Z2, Z4
	VPERMW    Z4, Z31, Z4
	VMOVDQU32 Z4, (DI)
	ADDQ      $64, SI
	ADDQ      $64, DX
	ADDQ      $64, DI
	SUBQ      $16, CX
	JNZ       loop
	VZEROUPPER
	RET
