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
