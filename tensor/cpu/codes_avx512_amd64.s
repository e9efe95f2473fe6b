#include "textflag.h"
#include "columns_avx512_amd64.h"

// Codes with scales for AVX-512. A 32-bit word holds eight codes of 4 bits; code i of a word starts at bit 4, 0, 12, 8,
// 20, 16, 28 or 24. VPERMPS looks only at the low 4 bits of a lane, so a shift is all that a lookup needs.

DATA nibbles512<>+0(SB)/8, $0x0000000000000004
DATA nibbles512<>+8(SB)/8, $0x000000080000000c
DATA nibbles512<>+16(SB)/8, $0x0000001000000014
DATA nibbles512<>+24(SB)/8, $0x000000180000001c
GLOBL nibbles512<>(SB), RODATA|NOPTR, $32

// The 16 rows' value of one code of the words Z. Z30 table, Z29 scales of the rows.
#define CODE(Z, SHIFT, OFF) \
	VPSRLD  $SHIFT, Z, Z12; \
	VPERMPS Z30, Z12, Z12; \
	VMULPS  Z29, Z12, Z12; \
	VMOVUPS Z12, OFF(DI)

#define WORD(Z, OFF) \
	CODE(Z, 4, OFF); \
	CODE(Z, 0, OFF+128); \
	CODE(Z, 12, OFF+256); \
	CODE(Z, 8, OFF+384); \
	CODE(Z, 20, OFF+512); \
	CODE(Z, 16, OFF+640); \
	CODE(Z, 28, OFF+768); \
	CODE(Z, 24, OFF+896)

#define CODES \
	TRANSPOSE; \
	WORD(Z8, 0); \
	WORD(Z9, 1024); \
	WORD(Z10, 2048); \
	WORD(Z11, 3072); \
	ADDQ $4096, DI

#define BYTE8(Z, SHIFT, OFF) \
	VPSLLD    $SHIFT, Z, Z12; \
	VPSRAD    $24, Z12, Z12; \
	VCVTDQ2PS Z12, Z12; \
	VMULPS    Z29, Z12, Z12; \
	VMOVUPS   Z12, OFF(DI)

#define WORD8(Z, OFF) \
	BYTE8(Z, 24, OFF); \
	BYTE8(Z, 16, OFF+128); \
	BYTE8(Z, 8, OFF+256); \
	BYTE8(Z, 0, OFF+384)

// The straight copies: R9 scale of the row, R10 bytes to the next.
#define ROWS \
	MOVQ panel+0(FP), DI; \
	MOVQ src+8(FP), SI; \
	MOVQ ld+16(FP), R8; \
	MOVQ k+24(FP), CX; \
	MOVQ scales+32(FP), R9; \
	MOVQ sld+40(FP), R10

#define NEXTROW \
	VMULPS  Z2, Z0, Z0; \
	VMULPS  Z2, Z1, Z1; \
	VMOVUPS Z0, (DI); \
	VMOVUPS Z1, 64(DI); \
	ADDQ    R8, SI; \
	ADDQ    R10, R9; \
	ADDQ    $128, DI; \
	DECQ    CX; \
	JNZ     loop; \
	VZEROUPPER; \
	RET

// columnsCodes4AVX512 takes blocks of 64 codes, two groups each; scales are [blocks, 16].
//
// func columnsCodes4AVX512(panel, src unsafe.Pointer, ld, blocks, o4, o8, o12 int, scales, table *float32)
TEXT ·columnsCodes4AVX512(SB), NOSPLIT, $0-72
	START
	MOVQ    scales+56(FP), DX
	MOVQ    table+64(FP), AX
	VMOVUPS (AX), Z30

loop:
	VMOVUPS (DX), Z29
	CODES
	CODES
	ADDQ    $64, DX
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET

// func columnsI8AVX512(panel, src unsafe.Pointer, ld, groups, o4, o8, o12 int, scales *float32)
TEXT ·columnsI8AVX512(SB), NOSPLIT, $0-64
	START
	MOVQ    scales+56(FP), DX
	VMOVUPS (DX), Z29

loop:
	TRANSPOSE
	WORD8(Z8, 0)
	WORD8(Z9, 512)
	WORD8(Z10, 1024)
	WORD8(Z11, 1536)
	ADDQ $2048, DI
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// rowsCodes4AVX512 takes 32 codes of each row: every lane gets the word that holds its code, and shifts it.
//
// func rowsCodes4AVX512(panel, src unsafe.Pointer, ld, k int, scales unsafe.Pointer, sld int, table *float32)
TEXT ·rowsCodes4AVX512(SB), NOSPLIT, $0-56
	ROWS
	MOVQ           table+48(FP), AX
	VMOVUPS        (AX), Z30
	VBROADCASTI64X4 nibbles512<>(SB), Z31
	MOVL           $0xff00, AX
	KMOVW          AX, K1

loop:
	VPBROADCASTD (SI), Z0
	VPBROADCASTD 8(SI), Z1
	VPBROADCASTD 4(SI), K1, Z0
	VPBROADCASTD 12(SI), K1, Z1
	VBROADCASTSS (R9), Z2
	VPSRLVD      Z31, Z0, Z0
	VPSRLVD      Z31, Z1, Z1
	VPERMPS      Z30, Z0, Z0
	VPERMPS      Z30, Z1, Z1
	NEXTROW

// rowsI8AVX512 reads the elements of each row that are in mask.
//
// func rowsI8AVX512(panel, src unsafe.Pointer, ld, k int, scales unsafe.Pointer, sld, mask int)
TEXT ·rowsI8AVX512(SB), NOSPLIT, $0-56
	ROWS
	MOVQ  mask+48(FP), AX
	KMOVD AX, K1

loop:
	VMOVDQU8.Z    (SI), K1, Y1
	VPMOVSXBD     X1, Z0
	VEXTRACTI128  $1, Y1, X1
	VPMOVSXBD     X1, Z1
	VCVTDQ2PS     Z0, Z0
	VCVTDQ2PS     Z1, Z1
	VBROADCASTSS  (R9), Z2
	NEXTROW

// func widenI8AVX512(n int, dst *float32, src unsafe.Pointer)
TEXT ·widenI8AVX512(SB), NOSPLIT, $0-24
	MOVQ n+0(FP), CX
	MOVQ dst+8(FP), DI
	MOVQ src+16(FP), SI

loop:
	VPMOVSXBD (SI), Z0
	VCVTDQ2PS Z0, Z0
	VMOVUPS   Z0, (DI)
	ADDQ      $16, SI
	ADDQ      $64, DI
	SUBQ      $16, CX
	JNZ       loop
	VZEROUPPER
	RET
