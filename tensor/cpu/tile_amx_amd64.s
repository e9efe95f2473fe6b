#include "textflag.h"

// Products of bfloat16 in tiles of AMX: 32 rows of c, 32 columns wide, stay in tiles while k runs. Tiles 0, 1 are the
// upper 16 rows, 2, 3 the lower ones; 4, 5 pairs of a; 6, 7 sixteen rows of the panel.
//
// SI, R9 upper and lower rows of a, R8 bytes between rows; DI panel, BX = 128 bytes between its rows; DX, R13 upper and
// lower rows of c, R11 bytes between them; R10 blocks left, CX steps left. Tiles belong to the thread, so they are
// configured and given back in one call, in which Go never moves a goroutine.
//
// Go's assembler has none of these instructions.

#define CONFIGURE BYTE $0xc4; BYTE $0xe2; BYTE $0x78; BYTE $0x49; BYTE $0x00 // LDTILECFG (AX)
#define RELEASE BYTE $0xc4; BYTE $0xe2; BYTE $0x78; BYTE $0x49; BYTE $0xc0 // TILERELEASE

#define ZERO_UPPER \
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x49; BYTE $0xc0; \ // TILEZERO 0
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x49; BYTE $0xc8 // TILEZERO 1
#define ZERO_LOWER \
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x49; BYTE $0xd0; \ // TILEZERO 2
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x49; BYTE $0xd8 // TILEZERO 3

#define LOAD_UPPER \
	BYTE $0xc4; BYTE $0xa2; BYTE $0x7b; BYTE $0x4b; BYTE $0x04; BYTE $0x1a; \ // TILELOADD (DX)(R11), 0
	BYTE $0xc4; BYTE $0xa2; BYTE $0x7b; BYTE $0x4b; BYTE $0x4c; BYTE $0x1a; BYTE $0x40 // TILELOADD 64(DX)(R11), 1
#define LOAD_LOWER \
	BYTE $0xc4; BYTE $0x82; BYTE $0x7b; BYTE $0x4b; BYTE $0x54; BYTE $0x1d; BYTE $0x00; \ // TILELOADD (R13)(R11), 2
	BYTE $0xc4; BYTE $0x82; BYTE $0x7b; BYTE $0x4b; BYTE $0x5c; BYTE $0x1d; BYTE $0x40 // TILELOADD 64(R13)(R11), 3

#define STORE_UPPER \
	BYTE $0xc4; BYTE $0xa2; BYTE $0x7a; BYTE $0x4b; BYTE $0x04; BYTE $0x1a; \ // TILESTORED 0, (DX)(R11)
	BYTE $0xc4; BYTE $0xa2; BYTE $0x7a; BYTE $0x4b; BYTE $0x4c; BYTE $0x1a; BYTE $0x40 // TILESTORED 1, 64(DX)(R11)
#define STORE_LOWER \
	BYTE $0xc4; BYTE $0x82; BYTE $0x7a; BYTE $0x4b; BYTE $0x54; BYTE $0x1d; BYTE $0x00; \ // TILESTORED 2, (R13)(R11)
	BYTE $0xc4; BYTE $0x82; BYTE $0x7a; BYTE $0x4b; BYTE $0x5c; BYTE $0x1d; BYTE $0x40 // TILESTORED 3, 64(R13)(R11)

#define PAIRS_UPPER BYTE $0xc4; BYTE $0xa2; BYTE $0x7b; BYTE $0x4b; BYTE $0x24; BYTE $0x06 // TILELOADD (SI)(R8), 4
#define PAIRS_LOWER BYTE $0xc4; BYTE $0x82; BYTE $0x7b; BYTE $0x4b; BYTE $0x2c; BYTE $0x01 // TILELOADD (R9)(R8), 5
#define PANEL \
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x4b; BYTE $0x34; BYTE $0x1f; \ // TILELOADD (DI)(BX), 6
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x4b; BYTE $0x7c; BYTE $0x1f; BYTE $0x40 // TILELOADD 64(DI)(BX), 7

#define DOT_UPPER \
	BYTE $0xc4; BYTE $0xe2; BYTE $0x4a; BYTE $0x5c; BYTE $0xc4; \ // TDPBF16PS 6, 4, 0
	BYTE $0xc4; BYTE $0xe2; BYTE $0x42; BYTE $0x5c; BYTE $0xcc // TDPBF16PS 7, 4, 1
#define DOT_LOWER \
	BYTE $0xc4; BYTE $0xe2; BYTE $0x4a; BYTE $0x5c; BYTE $0xd5; \ // TDPBF16PS 6, 5, 2
	BYTE $0xc4; BYTE $0xe2; BYTE $0x42; BYTE $0x5c; BYTE $0xdd // TDPBF16PS 7, 5, 3

// func blocksAMX(cfg *tileConfig, blocks, steps int, a unsafe.Pointer, rs int, panel, c unsafe.Pointer, ldc int, acc bool)
TEXT ·blocksAMX(SB), NOSPLIT, $0-65
	MOVQ cfg+0(FP), AX
	CONFIGURE
	MOVQ blocks+8(FP), R10
	MOVQ a+24(FP), SI
	MOVQ rs+32(FP), R8
	MOVQ c+48(FP), DX
	MOVQ ldc+56(FP), R11
	MOVQ $128, BX
block:
	MOVQ R8, R9
	SHLQ $4, R9
	ADDQ SI, R9
	MOVQ R11, R13
	SHLQ $4, R13
	ADDQ DX, R13
	MOVQ panel+40(FP), DI
	MOVQ steps+16(FP), CX
	MOVBLZX acc+64(FP), AX
	TESTL AX, AX
	JNZ add
	ZERO_UPPER
	ZERO_LOWER
	JMP loop
add:
	LOAD_UPPER
	LOAD_LOWER
	PCALIGN $64
loop:
	PANEL
	PAIRS_UPPER
	DOT_UPPER
	PAIRS_LOWER
	DOT_LOWER
	ADDQ $64, SI
	ADDQ $64, R9
	ADDQ $2048, DI
	DECQ CX
	JNZ loop
	STORE_UPPER
	STORE_LOWER
	MOVQ R8, SI
	SHLQ $4, SI
	MOVQ steps+16(FP), AX
	SHLQ $6, AX
	SUBQ AX, SI
	ADDQ R9, SI
	MOVQ R11, DX
	SHLQ $4, DX
	ADDQ R13, DX
	DECQ R10
	JNZ block
	RELEASE
	RET

// func halfAMX(cfg *tileConfig, steps int, a unsafe.Pointer, rs int, panel, c unsafe.Pointer, ldc int, acc bool)
TEXT ·halfAMX(SB), NOSPLIT, $0-57
	MOVQ cfg+0(FP), AX
	CONFIGURE
	MOVQ steps+8(FP), CX
	MOVQ a+16(FP), SI
	MOVQ rs+24(FP), R8
	MOVQ panel+32(FP), DI
	MOVQ c+40(FP), DX
	MOVQ ldc+48(FP), R11
	MOVQ $128, BX
	MOVBLZX acc+56(FP), AX
	TESTL AX, AX
	JNZ add
	ZERO_UPPER
	JMP loop
add:
	LOAD_UPPER
	PCALIGN $64
loop:
	PANEL
	PAIRS_UPPER
	DOT_UPPER
	ADDQ $64, SI
	ADDQ $2048, DI
	DECQ CX
	JNZ loop
	STORE_UPPER
	RELEASE
	RET
