#include "textflag.h"
#include "columns_avx2_amd64.h"

// Codes with scales for AVX2. A 32-bit word holds eight codes of 4 bits; code i of a word starts at bit 4, 0, 12, 8,
// 20, 16, 28 or 24. VPERMPS looks at the low 3 bits of a lane: a code is looked up in both halves of the table, and its
// highest bit, moved to the sign, chooses.

DATA nibbles256<>+0(SB)/8, $0x0000000000000004
DATA nibbles256<>+8(SB)/8, $0x000000080000000c
DATA nibbles256<>+16(SB)/8, $0x0000001000000014
DATA nibbles256<>+24(SB)/8, $0x000000180000001c
GLOBL nibbles256<>(SB), RODATA|NOPTR, $32

// How far the highest bits of the codes are from the sign.
DATA signs256<>+0(SB)/8, $0x0000001c00000018
DATA signs256<>+8(SB)/8, $0x0000001400000010
DATA signs256<>+16(SB)/8, $0x0000000c00000008
DATA signs256<>+24(SB)/8, $0x0000000400000000
GLOBL signs256<>(SB), RODATA|NOPTR, $32

// The 8 rows' value of one code of the words Y. Y14, Y15 halves of the table, Y0 scales of the rows.
#define CODE(Y, SHIFT, SIGN, OFF) \
	VPSRLD    $SHIFT, Y, Y12; \
	VPSLLD    $SIGN, Y, Y13; \
	VPERMPS   Y14, Y12, Y1; \
	VPERMPS   Y15, Y12, Y12; \
	VBLENDVPS Y13, Y12, Y1, Y12; \
	VMULPS    Y0, Y12, Y12; \
	VMOVUPS   Y12, OFF(DI)

#define WORD(Y, OFF) \
	CODE(Y, 4, 24, OFF); \
	CODE(Y, 0, 28, OFF+64); \
	CODE(Y, 12, 16, OFF+128); \
	CODE(Y, 8, 20, OFF+192); \
	CODE(Y, 20, 8, OFF+256); \
	CODE(Y, 16, 12, OFF+320); \
	CODE(Y, 28, 0, OFF+384); \
	CODE(Y, 24, 4, OFF+448)

#define CODES \
	TRANSPOSE; \
	VMOVUPS (DX), Y0; \
	WORD(Y8, 0); \
	WORD(Y9, 512); \
	WORD(Y10, 1024); \
	WORD(Y11, 1536); \
	ADDQ    $2048, DI

#define BYTE8(Y, SHIFT, OFF) \
	VPSLLD    $SHIFT, Y, Y12; \
	VPSRAD    $24, Y12, Y12; \
	VCVTDQ2PS Y12, Y12; \
	VMULPS    Y15, Y12, Y12; \
	VMOVUPS   Y12, OFF(DI)

#define WORD8(Y, OFF) \
	BYTE8(Y, 24, OFF); \
	BYTE8(Y, 16, OFF+64); \
	BYTE8(Y, 8, OFF+128); \
	BYTE8(Y, 0, OFF+192)

// The straight copies: R9 scale of the row, R10 bytes to the next.
#define ROWS \
	MOVQ panel+0(FP), DI; \
	MOVQ src+8(FP), SI; \
	MOVQ ld+16(FP), R8; \
	MOVQ k+24(FP), CX; \
	MOVQ scales+32(FP), R9; \
	MOVQ sld+40(FP), R10

#define NEXTROW \
	VBROADCASTSS (R9), Y2; \
	VMULPS  Y2, Y0, Y0; \
	VMULPS  Y2, Y1, Y1; \
	VMOVUPS Y0, (DI); \
	VMOVUPS Y1, 32(DI); \
	ADDQ    R8, SI; \
	ADDQ    R10, R9; \
	ADDQ    $64, DI; \
	DECQ    CX; \
	JNZ     loop; \
	VZEROUPPER; \
	RET

// Y = the values of the 8 codes of one word. Y12 where codes start, Y13 how far their highest bits are from the sign.
#define EIGHT(WORD, Y) \
	VPBROADCASTD WORD, Y4; \
	VPSRLVD      Y12, Y4, Y5; \
	VPSLLVD      Y13, Y4, Y4; \
	VPERMPS      Y14, Y5, Y6; \
	VPERMPS      Y15, Y5, Y5; \
	VBLENDVPS    Y4, Y5, Y6, Y

// columnsCodes4AVX2 takes blocks of 64 codes, two groups each; scales are [blocks, 8].
//
// func columnsCodes4AVX2(panel, src unsafe.Pointer, ld, blocks, o4 int, scales, table *float32)
TEXT ·columnsCodes4AVX2(SB), NOSPLIT, $0-56
	START
	MOVQ    scales+40(FP), DX
	MOVQ    table+48(FP), AX
	VMOVUPS (AX), Y14
	VMOVUPS 32(AX), Y15

loop:
	CODES
	CODES
	ADDQ $32, DX
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// func columnsI8AVX2(panel, src unsafe.Pointer, ld, groups, o4 int, scales *float32)
TEXT ·columnsI8AVX2(SB), NOSPLIT, $0-48
	START
	MOVQ    scales+40(FP), DX
	VMOVUPS (DX), Y15

loop:
	TRANSPOSE
	WORD8(Y8, 0)
	WORD8(Y9, 256)
	WORD8(Y10, 512)
	WORD8(Y11, 768)
	ADDQ $1024, DI
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// rowsCodes4AVX2 takes 16 codes of each row.
//
// func rowsCodes4AVX2(panel, src unsafe.Pointer, ld, k int, scales unsafe.Pointer, sld int, table *float32)
TEXT ·rowsCodes4AVX2(SB), NOSPLIT, $0-56
	ROWS
	MOVQ    table+48(FP), AX
	VMOVUPS (AX), Y14
	VMOVUPS 32(AX), Y15
	VMOVDQU nibbles256<>(SB), Y12
	VMOVDQU signs256<>(SB), Y13

loop:
	EIGHT((SI), Y0)
	EIGHT(4(SI), Y1)
	NEXTROW

// rowsI8AVX2 takes 16 codes of each row.
//
// func rowsI8AVX2(panel, src unsafe.Pointer, ld, k int, scales unsafe.Pointer, sld int)
TEXT ·rowsI8AVX2(SB), NOSPLIT, $0-48
	ROWS

loop:
	VPMOVSXBD (SI), Y0
	VPMOVSXBD 8(SI), Y1
	VCVTDQ2PS Y0, Y0
	VCVTDQ2PS Y1, Y1
	NEXTROW

// func widenI8AVX2(n int, dst *float32, src unsafe.Pointer)
TEXT ·widenI8AVX2(SB), NOSPLIT, $0-24
	MOVQ n+0(FP), CX
	MOVQ dst+8(FP), DI
	MOVQ src+16(FP), SI

loop:
	VPMOVSXBD (SI), Y0
	VCVTDQ2PS Y0, Y0
	VMOVUPS   Y0, (DI)
	ADDQ      $8, SI
	ADDQ      $32, DI
	SUBQ      $8, CX
	JNZ       loop
	VZEROUPPER
	RET
