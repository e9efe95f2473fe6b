#include "textflag.h"
#include "loops_avx512_amd64.h"

// Vector loops around the exponential of exp.go; expWide is its table, 32 bytes a constant.

#define EXPCONSTANTS \
	VBROADCASTSS 0(R8), Z16; \
	VBROADCASTSS 32(R8), Z17; \
	VBROADCASTSS 64(R8), Z18; \
	VBROADCASTSS 96(R8), Z19; \
	VBROADCASTSS 128(R8), Z20; \
	VBROADCASTSS 160(R8), Z21; \
	VBROADCASTSS 192(R8), Z22; \
	VBROADCASTSS 224(R8), Z23; \
	VBROADCASTSS 256(R8), Z24; \
	VBROADCASTSS 288(R8), Z25; \
	VBROADCASTSS 320(R8), Z26; \
	VBROADCASTSS 352(R8), Z27

#define EXPONE Z27

// X = e^X; N, P, Q are overwritten. The order of the operands of VMAXPS and VMINPS lets a NaN pass.
#define EXP(X, N, P, Q) \
	VMAXPS       X, Z16, X; \
	VMINPS       X, Z17, X; \
	VMULPS       Z18, X, N; \
	VRNDSCALEPS  $8, N, N; \
	VFNMADD231PS Z19, N, X; \
	VFNMADD231PS Z20, N, X; \
	VMOVAPS      Z21, P; \
	VFMADD213PS  Z22, X, P; \
	VFMADD213PS  Z23, X, P; \
	VFMADD213PS  Z24, X, P; \
	VFMADD213PS  Z25, X, P; \
	VFMADD213PS  Z26, X, P; \
	VMULPS       X, X, Q; \
	VFMADD213PS  X, Q, P; \
	VADDPS       Z27, P, P; \
	VSCALEFPS    N, P, X

// Numbers below 2⁻¹²⁶ count as zero while a loop with an exponential runs: masked scores would make them by the
// thousand, and each costs as much as ten vectors. MXCSR is put back.
#define FLUSH \
	STMXCSR saved-4(SP); \
	MOVL    saved-4(SP), AX; \
	ORL     $0x8040, AX; \
	MOVL    AX, flush-8(SP); \
	LDMXCSR flush-8(SP)

#define FLUSHED \
	ADDQ    $64, AX; \
	CMPQ    AX, CX; \
	JNE     loop; \
	LDMXCSR saved-4(SP); \
	VZEROUPPER; \
	RET

// func expSumAVX512(n int, x *float32, shift float32) float32
TEXT ·expSumAVX512(SB), NOSPLIT, $8-28
	FLUSH
	LENGTH
	MOVQ         x+8(FP), SI
	VBROADCASTSS shift+16(FP), Z9
	LEAQ         ·expWide(SB), R8
	EXPCONSTANTS
	ZERO(Z8)

loop:
	VMOVUPS (SI)(AX*1), Z0
	VSUBPS  Z9, Z0, Z0
	EXP(Z0, Z1, Z2, Z3)
	VMOVUPS Z0, (SI)(AX*1)
	VADDPS  Z0, Z8, Z8
	ADDQ    $64, AX
	CMPQ    AX, CX
	JNE     loop
	VMOVAPS Z8, Z0
	REDUCE(VADDPS)
	VMOVSS  X0, ret+24(FP)
	LDMXCSR saved-4(SP)
	VZEROUPPER
	RET

// func scoreAVX512(n int, dp, p *float32, delta, k float32)
TEXT ·scoreAVX512(SB), NOSPLIT, $8-32
	FLUSH
	LENGTH
	MOVQ         dp+8(FP), DI
	MOVQ         p+16(FP), SI
	VBROADCASTSS delta+24(FP), Z2
	VBROADCASTSS k+28(FP), Z3

loop:
	VMOVUPS (DI)(AX*1), Z0
	VSUBPS  Z2, Z0, Z0
	VMULPS  (SI)(AX*1), Z0, Z0
	VMULPS  Z3, Z0, Z0
	VMOVUPS Z0, (DI)(AX*1)
	FLUSHED

// func swigluAVX512(n int, y, a, b *float32)
TEXT ·swigluAVX512(SB), NOSPLIT, $8-32
	FLUSH
	LENGTH
	MOVQ y+8(FP), DI
	MOVQ a+16(FP), SI
	MOVQ b+24(FP), DX
	LEAQ ·expWide(SB), R8
	EXPCONSTANTS

loop:
	VMOVUPS (SI)(AX*1), Z5
	ZERO(Z0)
	VSUBPS  Z5, Z0, Z0
	EXP(Z0, Z1, Z2, Z3)
	VADDPS  EXPONE, Z0, Z0
	VDIVPS  Z0, Z5, Z0
	VMULPS  (DX)(AX*1), Z0, Z0
	VMOVUPS Z0, (DI)(AX*1)
	FLUSHED

// func swigluBackAVX512(n int, da, db, dy, a, b *float32)
TEXT ·swigluBackAVX512(SB), NOSPLIT, $8-48
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
	VMOVUPS     (SI)(AX*1), Z5
	ZERO(Z0)
	VSUBPS      Z5, Z0, Z0
	EXP(Z0, Z1, Z2, Z3)
	VMOVUPS     EXPONE, Z6
	VADDPS      Z6, Z0, Z0
	VDIVPS      Z0, Z6, Z0             // σ
	VMULPS      (DX)(AX*1), Z0, Z1       // dy·σ
	VMULPS      (BX)(AX*1), Z1, Z2       // dy·b·σ
	VSUBPS      Z0, Z6, Z0             // 1 − σ
	VFMADD213PS Z6, Z5, Z0             // 1 + a·(1 − σ)
	VMULPS      Z5, Z1, Z1
	VMULPS      Z0, Z2, Z2
	VMOVUPS     Z2, (DI)(AX*1)
	VMOVUPS     Z1, (R9)(AX*1)
	FLUSHED
