#include "textflag.h"

// A tile of float32 for AVX-512F: rows of c, 32 columns wide, stay in registers while k runs.
//
// CX steps left; SI, R9, R10, R11 rows 0, 3, 6, 9 of a; R8 bytes between rows, R12 between steps; DI panel; DX c, R13
// bytes between its rows. Z0 … Z23 sums, two a row; Z24 … Z27 elements of a; Z29 alpha; Z30, Z31 a row of the panel.

#define PANEL \
	VMOVUPS (DI), Z30; \
	VMOVUPS 64(DI), Z31

#define ROW(A, X, S0, S1) \
	VBROADCASTSS A, X; \
	VFMADD231PS  Z30, X, S0; \
	VFMADD231PS  Z31, X, S1

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
	VMULPS  Z29, S0, S0; \
	VMULPS  Z29, S1, S1; \
	VMOVUPS S0, (DX); \
	VMOVUPS S1, 64(DX); \
	ADDQ    R13, DX

#define ADDTO(S0, S1) \
	VFMADD213PS (DX), Z29, S0; \
	VFMADD213PS 64(DX), Z29, S1; \
	VMOVUPS     S0, (DX); \
	VMOVUPS     S1, 64(DX); \
	ADDQ        R13, DX

// func tile12AVX512(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)
TEXT ·tile12AVX512(SB), NOSPLIT, $8-61
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
	LEAQ (R9)(AX*1), R10
	LEAQ (R10)(AX*1), R11
	VBROADCASTSS alpha+56(FP), Z29
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	VPXORQ Z4, Z4, Z4
	VPXORQ Z5, Z5, Z5
	VPXORQ Z6, Z6, Z6
	VPXORQ Z7, Z7, Z7
	VPXORQ Z8, Z8, Z8
	VPXORQ Z9, Z9, Z9
	VPXORQ Z10, Z10, Z10
	VPXORQ Z11, Z11, Z11
	VPXORQ Z12, Z12, Z12
	VPXORQ Z13, Z13, Z13
	VPXORQ Z14, Z14, Z14
	VPXORQ Z15, Z15, Z15
	VPXORQ Z16, Z16, Z16
	VPXORQ Z17, Z17, Z17
	VPXORQ Z18, Z18, Z18
	VPXORQ Z19, Z19, Z19
	VPXORQ Z20, Z20, Z20
	VPXORQ Z21, Z21, Z21
	VPXORQ Z22, Z22, Z22
	VPXORQ Z23, Z23, Z23
	TESTQ CX, CX
	JZ done
	PCALIGN $64
loop:
	PANEL
	ROW((SI), Z24, Z0, Z1)
	ROW((SI)(R8*1), Z25, Z2, Z3)
	ROW((SI)(R8*2), Z26, Z4, Z5)
	ROW((R9), Z27, Z6, Z7)
	ROW((R9)(R8*1), Z24, Z8, Z9)
	ROW((R9)(R8*2), Z25, Z10, Z11)
	ROW((R10), Z26, Z12, Z13)
	ROW((R10)(R8*1), Z27, Z14, Z15)
	ROW((R10)(R8*2), Z24, Z16, Z17)
	ROW((R11), Z25, Z18, Z19)
	ROW((R11)(R8*1), Z26, Z20, Z21)
	ROW((R11)(R8*2), Z27, Z22, Z23)
	ADDQ R12, SI
	ADDQ R12, R9
	ADDQ R12, R10
	ADDQ R12, R11
	ADDQ $128, DI
	DECQ CX
	JNZ loop
done:
	MOVBLZX acc+60(FP), AX
	TESTL AX, AX
	JNZ add
	STORE(Z0, Z1)
	STORE(Z2, Z3)
	STORE(Z4, Z5)
	STORE(Z6, Z7)
	STORE(Z8, Z9)
	STORE(Z10, Z11)
	STORE(Z12, Z13)
	STORE(Z14, Z15)
	STORE(Z16, Z17)
	STORE(Z18, Z19)
	STORE(Z20, Z21)
	STORE(Z22, Z23)
	RESTORE
	RET
add:
	ADDTO(Z0, Z1)
	ADDTO(Z2, Z3)
	ADDTO(Z4, Z5)
	ADDTO(Z6, Z7)
	ADDTO(Z8, Z9)
	ADDTO(Z10, Z11)
	ADDTO(Z12, Z13)
	ADDTO(Z14, Z15)
	ADDTO(Z16, Z17)
	ADDTO(Z18, Z19)
	ADDTO(Z20, Z21)
	ADDTO(Z22, Z23)
	RESTORE
	RET

// func tile8AVX512(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)
TEXT ·tile8AVX512(SB), NOSPLIT, $8-61
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
	LEAQ (R9)(AX*1), R10
	VBROADCASTSS alpha+56(FP), Z29
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	VPXORQ Z4, Z4, Z4
	VPXORQ Z5, Z5, Z5
	VPXORQ Z6, Z6, Z6
	VPXORQ Z7, Z7, Z7
	VPXORQ Z8, Z8, Z8
	VPXORQ Z9, Z9, Z9
	VPXORQ Z10, Z10, Z10
	VPXORQ Z11, Z11, Z11
	VPXORQ Z12, Z12, Z12
	VPXORQ Z13, Z13, Z13
	VPXORQ Z14, Z14, Z14
	VPXORQ Z15, Z15, Z15
	TESTQ CX, CX
	JZ done
	PCALIGN $64
loop:
	PANEL
	ROW((SI), Z24, Z0, Z1)
	ROW((SI)(R8*1), Z25, Z2, Z3)
	ROW((SI)(R8*2), Z26, Z4, Z5)
	ROW((R9), Z27, Z6, Z7)
	ROW((R9)(R8*1), Z24, Z8, Z9)
	ROW((R9)(R8*2), Z25, Z10, Z11)
	ROW((R10), Z26, Z12, Z13)
	ROW((R10)(R8*1), Z27, Z14, Z15)
	ADDQ R12, SI
	ADDQ R12, R9
	ADDQ R12, R10
	ADDQ $128, DI
	DECQ CX
	JNZ loop
done:
	MOVBLZX acc+60(FP), AX
	TESTL AX, AX
	JNZ add
	STORE(Z0, Z1)
	STORE(Z2, Z3)
	STORE(Z4, Z5)
	STORE(Z6, Z7)
	STORE(Z8, Z9)
	STORE(Z10, Z11)
	STORE(Z12, Z13)
	STORE(Z14, Z15)
	RESTORE
	RET
add:
	ADDTO(Z0, Z1)
	ADDTO(Z2, Z3)
	ADDTO(Z4, Z5)
	ADDTO(Z6, Z7)
	ADDTO(Z8, Z9)
	ADDTO(Z10, Z11)
	ADDTO(Z12, Z13)
	ADDTO(Z14, Z15)
	RESTORE
	RET

// func tile4AVX512(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)
TEXT ·tile4AVX512(SB), NOSPLIT, $8-61
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
	VBROADCASTSS alpha+56(FP), Z29
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	VPXORQ Z4, Z4, Z4
	VPXORQ Z5, Z5, Z5
	VPXORQ Z6, Z6, Z6
	VPXORQ Z7, Z7, Z7
	TESTQ CX, CX
	JZ done
	PCALIGN $64
loop:
	PANEL
	ROW((SI), Z24, Z0, Z1)
	ROW((SI)(R8*1), Z25, Z2, Z3)
	ROW((SI)(R8*2), Z26, Z4, Z5)
	ROW((R9), Z27, Z6, Z7)
	ADDQ R12, SI
	ADDQ R12, R9
	ADDQ $128, DI
	DECQ CX
	JNZ loop
done:
	MOVBLZX acc+60(FP), AX
	TESTL AX, AX
	JNZ add
	STORE(Z0, Z1)
	STORE(Z2, Z3)
	STORE(Z4, Z5)
	STORE(Z6, Z7)
	RESTORE
	RET
add:
	ADDTO(Z0, Z1)
	ADDTO(Z2, Z3)
	ADDTO(Z4, Z5)
	ADDTO(Z6, Z7)
	RESTORE
	RET

// func tile1AVX512(k int, a unsafe.Pointer, rs, cs int, panel, c unsafe.Pointer, ldc int, alpha float32, acc bool)
TEXT ·tile1AVX512(SB), NOSPLIT, $8-61
	MOVQ k+0(FP), CX
	MOVQ a+8(FP), SI
	MOVQ rs+16(FP), R8
	MOVQ cs+24(FP), R12
	MOVQ panel+32(FP), DI
	MOVQ c+40(FP), DX
	MOVQ ldc+48(FP), R13
	FLUSH
	VBROADCASTSS alpha+56(FP), Z29
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	TESTQ CX, CX
	JZ done
	PCALIGN $64
loop:
	PANEL
	ROW((SI), Z24, Z0, Z1)
	ADDQ R12, SI
	ADDQ $128, DI
	DECQ CX
	JNZ loop
done:
	MOVBLZX acc+60(FP), AX
	TESTL AX, AX
	JNZ add
	STORE(Z0, Z1)
	RESTORE
	RET
add:
	ADDTO(Z0, Z1)
	RESTORE
	RET
