#include "textflag.h"
#include "loops_avx2_amd64.h"

// Vector loops around the exponential of exp.go; expWide is its table, 32 bytes a constant.

#define EXPCONSTANTS

#define EXPONE 352(R8)

// X = e^X; N, P, Q are overwritten. The order of the operands of VMAXPS and VMINPS lets a NaN pass.
#define EXP(X, N, P, Q) \
	VMOVUPS      0(R8), N; \
	VMAXPS       X, N, X; \
	VMOVUPS      32(R8), N; \
	VMINPS       X, N, X; \
	VMULPS       64(R8), X, N; \
	VROUNDPS     $8, N, N; \
	VFNMADD231PS 96(R8), N, X; \
	VFNMADD231PS 128(R8), N, X; \
	VMOVUPS      160(R8), P; \
	VFMADD213PS  192(R8), X, P; \
	VFMADD213PS  224(R8), X, P; \
	VFMADD213PS  256(R8), X, P; \
	VFMADD213PS  288(R8), X, P; \
	VFMADD213PS  320(R8), X, P; \
	VMULPS       X, X, Q; \
	VFMADD213PS  X, Q, P; \
	VADDPS       352(R8), P, P; \
	VCVTPS2DQ    N, N; \
	VPSRAD       $1, N, Q; \
	VPSUBD       Q, N, N; \
	VPSLLD       $23, Q, Q; \
	VPSLLD       $23, N, N; \
	VPADDD       352(R8), Q, Q; \
	VPADDD       352(R8), N, N; \
	VMULPS       Q, P, P; \
	VMULPS       N, P, X

// Numbers below 2⁻¹²⁶ count as zero while a loop with an exponential runs: masked scores would make them by the
// thousand, and each costs as much as ten vectors. MXCSR is put back.
#define FLUSH \
	STMXCSR saved-4(SP); \
	MOVL    saved-4(SP), AX; \
	ORL     $0x8040, AX; \
	MOVL    AX, flush-8(SP); \
	LDMXCSR flush-8(SP)

#define FLUSHED \
	ADDQ    $32, AX; \
	CMPQ    AX, CX; \
	JNE     loop; \
	LDMXCSR saved-4(SP); \
	VZEROUPPER; \
	RET

// func expSumAVX2(n int, x *float32, shift float32) float32
TEXT ·expSumAVX2(SB), NOSPLIT, $8-28
	FLUSH
	LENGTH
	MOVQ         x+8(FP), SI
	VBROADCASTSS shift+16(FP), Y9
	LEAQ         ·expWide(SB), R8
	EXPCONSTANTS
	ZERO(Y8)

loop:
	VMOVUPS (SI)(AX*1), Y0
	VSUBPS  Y9, Y0, Y0
	EXP(Y0, Y1, Y2, Y3)
	VMOVUPS Y0, (SI)(AX*1)
	VADDPS  Y0, Y8, Y8
	ADDQ    $32, AX
	CMPQ    AX, CX
	JNE     loop
	VMOVAPS Y8, Y0
	REDUCE(VADDPS)
	VMOVSS  X0, ret+24(FP)
	LDMXCSR saved-4(SP)
	VZEROUPPER
	RET

// func scoreAVX2(n int, dp, p *float32, delta, k float32)
TEXT ·scoreAVX2(SB), NOSPLIT, $8-32
	FLUSH
	LENGTH
	MOVQ         dp+8(FP), DI
	MOVQ         p+16(FP), SI
	VBROADCASTSS delta+24(FP), Y2
	VBROADCASTSS k+28(FP), Y3

loop:
	VMOVUPS (DI)(AX*1), Y0
	VSUBPS  Y2, Y0, Y0
	VMULPS  (SI)(AX*1), Y0, Y0
	VMULPS  Y3, Y0, Y0
	VMOVUPS Y0, (DI)(AX*1)
	FLUSHED

// func swigluAVX2(n int, y, a, b *float32)
TEXT ·swigluAVX2(SB), NOSPLIT, $8-32
	FLUSH
	LENGTH
	MOVQ y+8(FP), DI
	MOVQ a+16(FP), SI
	MOVQ b+24(FP), DX
	LEAQ ·expWide(SB), R8
	EXPCONSTANTS

loop:
	VMOVUPS (SI)(AX*1), Y5
	ZERO(Y0)
	VSUBPS  Y5, Y0, Y0
	EXP(Y0, Y1, Y2, Y3)
	VADDPS  EXPONE, Y0, Y0
	VDIVPS  Y0, Y5, Y0
	VMULPS  (DX)(AX*1), Y0, Y0
	VMOVUPS Y0, (DI)(AX*1)
	FLUSHED

// func swigluBackAVX2(n int, da, db, dy, a, b *float32)
TEXT ·swigluBackAVX2(SB), NOSPLIT, $8-48
	FLUSH
	LENGTH
	MOVQ da+8(FP), DI
	MOVQ db+16(FP), R9
	MOVQ dy+24(FP), DX
	MOVQ a+32(FP), SI
	MOVQ b+40(FP), BX
	LEAQ ·expWide(SB), R8
	EXPCONSTANTS

loop:
	VMOVUPS     (SI)(AX*1), Y5
	ZERO(Y0)
	VSUBPS      Y5, Y0, Y0
	EXP(Y0, Y1, Y2, Y3)
	VMOVUPS     EXPONE, Y6
	VADDPS      Y6, Y0, Y0
	VDIVPS      Y0, Y6, Y0             // σ
	VMULPS      (DX)(AX*1), Y0, Y1       // dy·σ
	VMULPS      (BX)(AX*1), Y1, Y2       // dy·b·σ
	VSUBPS      Y0, Y6, Y0             // 1 − σ
	VFMADD213PS Y6, Y5, Y0             // 1 + a·(1 − σ)
	VMULPS      Y5, Y1, Y1
	VMULPS      Y0, Y2, Y2
	VMOVUPS     Y2, (DI)(AX*1)
	VMOVUPS     Y1, (R9)(AX*1)
	FLUSHED
