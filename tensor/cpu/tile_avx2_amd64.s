#include "textflag.h"

// A tile of float32 for AVX2 and FMA: rows of c, 16 columns wide, stay in registers while k runs.
//
// CX steps left; SI, R9, R10, R11 rows 0, 3, 6, 9 of a; R8 bytes between rows, R12 between steps; DI panel; DX c, R13
// bytes between its rows. Y0 … Y11 sums, two a row; Y12, Y13 elements of a; Y14, Y15 a row of the panel, then Y14
// alpha.

#define PANEL \
	VMOVUPS (DI), Y14; \
	VMOVUPS 32(DI), Y15

#define ROW(A, X, S0, S1) \
	VBROADCASTSS A, X; \
	VFMADD231PS  Y14, X, S0; \
	VFMADD231PS  Y15, X, S1

// Numbers below 2⁻¹²⁶ count as zero while a tile runs: a single one costs as much as a hundred steps. MXCSR is put
// back.
#define FLUSH \
	STMXCSR saved-4(SP); \
	MOVL    saved-4(SP), AX; \
	ORL     $0x8040, AX; \
	MOVL    AX, flush-8(SP); \
	LDMXCSR flush-8(SP)

#define RESTORE \
	LDMXCSR saved-4(SP); \
	VZEROUPPER

#define STORE(S0, S1) \
	VMULPS  Y14, S0, S0; \
	VMULPS  Y14, S1, S1; \
	VMOVUPS S0, (DX); \
	VMOVUPS S1, 32(DX); \
	ADDQ    R13, DX

#define ADDTO(S0, S1) \
	VFMADD213PS (DX), Y14, S0; \
	VFMADD213PS 32(DX), Y14, S1; \
	VMOVUPS     S0, (DX); \
	VMOVUPS     S1, 32(DX); \
	ADDQ        R13, DX

// func tile6AVX2(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)
TEXT ·tile6AVX2(SB), NOSPLIT, $8-61
	MOVQ k+0(FP), CX
	MOVQ a+8(FP), SI
	MOVQ rs+16(FP), R8
	MOVQ cs+24(FP), R12
	MOVQ panel+32(FP), DI
	MOVQ c+40(FP), DX
	MOVQ ldc+48(FP), R13
	FLUSH
	LEAQ (R8)(R8*2), AX
	LEAQ (SI)(AX*1), R9
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11
	TESTQ CX, CX
	JZ done
	PCALIGN $64
loop:
	PANEL
	ROW((SI), Y12, Y0, Y1)
	ROW((SI)(R8*1), Y13, Y2, Y3)
	ROW((SI)(R8*2), Y12, Y4, Y5)
	ROW((R9), Y13, Y6, Y7)
	ROW((R9)(R8*1), Y12, Y8, Y9)
	ROW((R9)(R8*2), Y13, Y10, Y11)
	ADDQ R12, SI
	ADDQ R12, R9
	ADDQ $64, DI
	DECQ CX
	JNZ loop
done:
	VBROADCASTSS alpha+56(FP), Y14
	MOVBLZX acc+60(FP), AX
	TESTL AX, AX
	JNZ add
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	STORE(Y4, Y5)
	STORE(Y6, Y7)
	STORE(Y8, Y9)
	STORE(Y10, Y11)
	RESTORE
	RET
add:
	ADDTO(Y0, Y1)
	ADDTO(Y2, Y3)
	ADDTO(Y4, Y5)
	ADDTO(Y6, Y7)
	ADDTO(Y8, Y9)
	ADDTO(Y10, Y11)
	RESTORE
	RET

// func tile4AVX2(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)
TEXT ·tile4AVX2(SB), NOSPLIT, $8-61
	MOVQ k+0(FP), CX
	MOVQ a+8(FP), SI
	MOVQ rs+16(FP), R8
	MOVQ cs+24(FP), R12
	MOVQ panel+32(FP), DI
	MOVQ c+40(FP), DX
	MOVQ ldc+48(FP), R13
	FLUSH
	LEAQ (R8)(R8*2), AX
	LEAQ (SI)(AX*1), R9
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	TESTQ CX, CX
	JZ done
	PCALIGN $64
loop:
	PANEL
	ROW((SI), Y12, Y0, Y1)
	ROW((SI)(R8*1), Y13, Y2, Y3)
	ROW((SI)(R8*2), Y12, Y4, Y5)
	ROW((R9), Y13, Y6, Y7)
	ADDQ R12, SI
	ADDQ R12, R9
	ADDQ $64, DI
	DECQ CX
	JNZ loop
done:
	VBROADCASTSS alpha+56(FP), Y14
	MOVBLZX acc+60(FP), AX
	TESTL AX, AX
	JNZ add
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	STORE(Y4, Y5)
	STORE(Y6, Y7)
	RESTORE
	RET
add:
	ADDTO(Y0, Y1)
	ADDTO(Y2, Y3)
	ADDTO(Y4, Y5)
	ADDTO(Y6, Y7)
	RESTORE
	RET

// func tile2AVX2(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)
TEXT ·tile2AVX2(SB), NOSPLIT, $8-61
	MOVQ k+0(FP), CX
	MOVQ a+8(FP), SI
	MOVQ rs+16(FP), R8
	MOVQ cs+24(FP), R12
	MOVQ panel+32(FP), DI
	MOVQ c+40(FP), DX
	MOVQ ldc+48(FP), R13
	FLUSH
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	TESTQ CX, CX
	JZ done
	PCALIGN $64
loop:
	PANEL
	ROW((SI), Y12, Y0, Y1)
	ROW((SI)(R8*1), Y13, Y2, Y3)
	ADDQ R12, SI
	ADDQ $64, DI
	DECQ CX
	JNZ loop
done:
	VBROADCASTSS alpha+56(FP), Y14
	MOVBLZX acc+60(FP), AX
	TESTL AX, AX
	JNZ add
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	RESTORE
	RET
add:
	ADDTO(Y0, Y1)
	ADDTO(Y2, Y3)
	RESTORE
	RET

// func tile1AVX2(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)
TEXT ·tile1AVX2(SB), NOSPLIT, $8-61
	MOVQ k+0(FP), CX
	MOVQ a+8(FP), SI
	MOVQ rs+16(FP), R8
	MOVQ cs+24(FP), R12
	MOVQ panel+32(FP), DI
	MOVQ c+40(FP), DX
	MOVQ ldc+48(FP), R13
	FLUSH
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	TESTQ CX, CX
	JZ done
	PCALIGN $64
loop:
	PANEL
	ROW((SI), Y12, Y0, Y1)
	ADDQ R12, SI
	ADDQ $64, DI
	DECQ CX
	JNZ loop
done:
	VBROADCASTSS alpha+56(FP), Y14
	MOVBLZX acc+60(FP), AX
	TESTL AX, AX
	JNZ add
	STORE(Y0, Y1)
	RESTORE
	RET
add:
	ADDTO(Y0, Y1)
	RESTORE
	RET
