#include "textflag.h"

// Vector loops for AVX2, FMA and F16C. The exponential is that of exp.go; expWide is its table, 32 bytes a constant.

#define ZERO(Y) VXORPS Y, Y, Y

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

// X0 = all elements of Y0 joined by OP; X1 is overwritten.
#define REDUCE(OP) \
	VEXTRACTF128 $1, Y0, X1; \
	OP           X1, X0, X0; \
	VMOVHLPS     X0, X0, X1; \
	OP           X1, X0, X0; \
	VMOVSHDUP    X0, X1; \
	OP           X1, X0, X0

// Each function takes n > 0 elements, a multiple of 8. AX counts bytes up to CX.
#define LENGTH \
	MOVQ n+0(FP), CX; \
	SHLQ $2, CX; \
	XORQ AX, AX

#define NEXT \
	ADDQ $32, AX; \
	CMPQ AX, CX; \
	JNE  loop; \
	VZEROUPPER; \
	RET

// Numbers below 2⁻¹²⁶ count as zero while a loop with an exponential runs: masked scores would make them by the thousand,
// and each costs as much as ten vectors. MXCSR is put back.
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

// func dotAVX2(n int, a, b *float32) float32
TEXT ·dotAVX2(SB), NOSPLIT, $0-28
	LENGTH
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DI
	ZERO(Y0)
	ZERO(Y1)
	ZERO(Y2)
	ZERO(Y3)
	MOVQ CX, BX
	ANDQ $~(4*32-1), BX
	JZ   loop

loop4:
	VMOVUPS     (SI)(AX*1), Y4
	VMOVUPS     32(SI)(AX*1), Y5
	VMOVUPS     (2*32)(SI)(AX*1), Y6
	VMOVUPS     (3*32)(SI)(AX*1), Y7
	VFMADD231PS (DI)(AX*1), Y4, Y0
	VFMADD231PS 32(DI)(AX*1), Y5, Y1
	VFMADD231PS (2*32)(DI)(AX*1), Y6, Y2
	VFMADD231PS (3*32)(DI)(AX*1), Y7, Y3
	ADDQ        $(4*32), AX
	CMPQ        AX, BX
	JNE         loop4
	CMPQ        AX, CX
	JE          done

loop:
	VMOVUPS     (SI)(AX*1), Y4
	VFMADD231PS (DI)(AX*1), Y4, Y0
	ADDQ        $32, AX
	CMPQ        AX, CX
	JNE         loop

done:
	VADDPS Y1, Y0, Y0
	VADDPS Y3, Y2, Y2
	VADDPS Y2, Y0, Y0
	REDUCE(VADDPS)
	VMOVSS X0, ret+24(FP)
	VZEROUPPER
	RET

// func dot3AVX2(n int, a, b, c *float32) float32
TEXT ·dot3AVX2(SB), NOSPLIT, $0-36
	LENGTH
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DI
	MOVQ c+24(FP), DX
	ZERO(Y0)

loop:
	VMOVUPS     (SI)(AX*1), Y4
	VMULPS      (DI)(AX*1), Y4, Y4
	VFMADD231PS (DX)(AX*1), Y4, Y0
	ADDQ        $32, AX
	CMPQ        AX, CX
	JNE         loop
	REDUCE(VADDPS)
	VMOVSS      X0, ret+32(FP)
	VZEROUPPER
	RET

// func largestAVX2(n int, x *float32) float32
TEXT ·largestAVX2(SB), NOSPLIT, $0-20
	LENGTH
	MOVQ    x+8(FP), SI
	VMOVUPS (SI), Y0

loop:
	VMAXPS  (SI)(AX*1), Y0, Y0
	ADDQ    $32, AX
	CMPQ    AX, CX
	JNE     loop
	REDUCE(VMAXPS)
	VMOVSS  X0, ret+16(FP)
	VZEROUPPER
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

// func axpyAVX2(n int, y, x *float32, k float32)
TEXT ·axpyAVX2(SB), NOSPLIT, $0-28
	LENGTH
	MOVQ         y+8(FP), DI
	MOVQ         x+16(FP), SI
	VBROADCASTSS k+24(FP), Y2

loop:
	VMOVUPS     (DI)(AX*1), Y0
	VFMADD231PS (SI)(AX*1), Y2, Y0
	VMOVUPS     Y0, (DI)(AX*1)
	NEXT

// func scaleAVX2(n int, x *float32, k float32)
TEXT ·scaleAVX2(SB), NOSPLIT, $0-20
	LENGTH
	MOVQ         x+8(FP), DI
	VBROADCASTSS k+16(FP), Y2

loop:
	VMULPS  (DI)(AX*1), Y2, Y0
	VMOVUPS Y0, (DI)(AX*1)
	NEXT

// func sumAVX2(n int, y, a, b *float32)
TEXT ·sumAVX2(SB), NOSPLIT, $0-32
	LENGTH
	MOVQ y+8(FP), DI
	MOVQ a+16(FP), SI
	MOVQ b+24(FP), DX

loop:
	VMOVUPS (SI)(AX*1), Y0
	VADDPS  (DX)(AX*1), Y0, Y0
	VMOVUPS Y0, (DI)(AX*1)
	NEXT

// func mulScaleAVX2(n int, y, x, w *float32, k float32)
TEXT ·mulScaleAVX2(SB), NOSPLIT, $0-36
	LENGTH
	MOVQ         y+8(FP), DI
	MOVQ         x+16(FP), SI
	MOVQ         w+24(FP), DX
	VBROADCASTSS k+32(FP), Y2

loop:
	VMULPS  (SI)(AX*1), Y2, Y0
	VMULPS  (DX)(AX*1), Y0, Y0
	VMOVUPS Y0, (DI)(AX*1)
	NEXT

// func normBackAVX2(n int, dx, dy, x, w *float32, r, c float32)
TEXT ·normBackAVX2(SB), NOSPLIT, $0-48
	LENGTH
	MOVQ         dx+8(FP), DI
	MOVQ         dy+16(FP), SI
	MOVQ         x+24(FP), DX
	MOVQ         w+32(FP), BX
	VBROADCASTSS r+40(FP), Y2
	VBROADCASTSS c+44(FP), Y3

loop:
	VMOVUPS      (SI)(AX*1), Y0
	VMULPS       (BX)(AX*1), Y0, Y0
	VMULPS       Y2, Y0, Y0
	VFNMADD231PS (DX)(AX*1), Y3, Y0
	VMOVUPS      Y0, (DI)(AX*1)
	NEXT

// func scoreAVX2(n int, p, dp *float32, delta, k float32)
TEXT ·scoreAVX2(SB), NOSPLIT, $8-32
	FLUSH
	LENGTH
	MOVQ         p+8(FP), DI
	MOVQ         dp+16(FP), SI
	VBROADCASTSS delta+24(FP), Y2
	VBROADCASTSS k+28(FP), Y3

loop:
	VMOVUPS (SI)(AX*1), Y0
	VSUBPS  Y2, Y0, Y0
	VMULPS  (DI)(AX*1), Y0, Y0
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

// func adamwAVX2(n int, p, m, v, grad *float32, s *adamStep)
TEXT ·adamwAVX2(SB), NOSPLIT, $0-48
	LENGTH
	MOVQ         p+8(FP), DI
	MOVQ         m+16(FP), SI
	MOVQ         v+24(FP), DX
	MOVQ         grad+32(FP), BX
	MOVQ         s+40(FP), R8
	VBROADCASTSS 0(R8), Y8   // keep
	VBROADCASTSS 4(R8), Y9   // beta1
	VBROADCASTSS 8(R8), Y10  // rest1
	VBROADCASTSS 12(R8), Y11 // beta2
	VBROADCASTSS 16(R8), Y12 // rest2
	VBROADCASTSS 20(R8), Y13 // step
	VBROADCASTSS 24(R8), Y14 // root2
	VBROADCASTSS 28(R8), Y15 // eps

loop:
	VMOVUPS     (BX)(AX*1), Y0
	VMULPS      (SI)(AX*1), Y9, Y1
	VMULPS      (DX)(AX*1), Y11, Y2
	VFMADD231PS Y0, Y10, Y1
	VMULPS      Y0, Y12, Y3
	VFMADD231PS Y0, Y3, Y2
	VMOVUPS     Y1, (SI)(AX*1)
	VMOVUPS     Y2, (DX)(AX*1)
	VSQRTPS     Y2, Y2
	VDIVPS      Y14, Y2, Y2
	VADDPS      Y15, Y2, Y2
	VMULPS      Y13, Y1, Y1
	VDIVPS      Y2, Y1, Y1
	VMULPS      (DI)(AX*1), Y8, Y0
	VSUBPS      Y1, Y0, Y0
	VMOVUPS     Y0, (DI)(AX*1)
	NEXT

// func widenBF16AVX2(n int, dst *float32, src unsafe.Pointer)
TEXT ·widenBF16AVX2(SB), NOSPLIT, $0-24
	LENGTH
	MOVQ dst+8(FP), DI
	MOVQ src+16(FP), SI

loop:
	VPMOVZXWD (SI), Y0
	VPSLLD    $16, Y0, Y0
	VMOVUPS   Y0, (DI)(AX*1)
	ADDQ      $(32/2), SI
	NEXT

// func widenF16AVX2(n int, dst *float32, src unsafe.Pointer)
TEXT ·widenF16AVX2(SB), NOSPLIT, $0-24
	LENGTH
	MOVQ dst+8(FP), DI
	MOVQ src+16(FP), SI

loop:
	VCVTPH2PS (SI), Y0
	VMOVUPS   Y0, (DI)(AX*1)
	ADDQ      $(32/2), SI
	NEXT

// func rotateAVX2(n int, lo, hi, cos, sin *float32, sign float32)
TEXT ·rotateAVX2(SB), NOSPLIT, $0-44
	LENGTH
	MOVQ         lo+8(FP), DI
	MOVQ         hi+16(FP), SI
	MOVQ         cos+24(FP), DX
	MOVQ         sin+32(FP), BX
	VBROADCASTSS sign+40(FP), Y5

loop:
	VMOVUPS      (DI)(AX*1), Y0
	VMOVUPS      (SI)(AX*1), Y1
	VMOVUPS      (DX)(AX*1), Y2
	VMULPS       (BX)(AX*1), Y5, Y3
	VMULPS       Y0, Y2, Y4
	VMULPS       Y1, Y2, Y2
	VFNMADD231PS Y1, Y3, Y4
	VFMADD231PS  Y0, Y3, Y2
	VMOVUPS      Y4, (DI)(AX*1)
	VMOVUPS      Y2, (SI)(AX*1)
	NEXT

// Counters and words of Philox are the lower halves of 64-bit lanes; what is above them does not matter.
#define PHILOXROUND \
	VPMULUDQ Y6, Y0, Y2; \
	VPXOR    Y3, Y1, Y1; \
	VPSRLQ   $32, Y2, Y0; \
	VPXOR    Y1, Y0, Y0; \
	VMOVAPS  Y2, Y1; \
	VPADDD   Y5, Y3, Y3

// func dropoutAVX2(n int, y, x *float32, block, site, key, drop uint32, keep float32)
TEXT ·dropoutAVX2(SB), NOSPLIT, $0-44
	LENGTH
	MOVQ         y+8(FP), DI
	MOVQ         x+16(FP), SI
	VBROADCASTSS block+24(FP), Y7
	VPADDQ       ·philoxLanes(SB), Y7, Y7
	VBROADCASTSS site+28(FP), Y9
	VBROADCASTSS key+32(FP), Y4
	VBROADCASTSS drop+36(FP), Y10
	VBROADCASTSS keep+40(FP), Y11
	VPBROADCASTD ·philoxNumbers+0(SB), Y6
	VPBROADCASTD ·philoxNumbers+4(SB), Y5
	VPBROADCASTD ·philoxNumbers+12(SB), Y8

loop:
	VMOVAPS Y7, Y0
	VMOVAPS Y9, Y1
	VMOVAPS Y4, Y3
	PHILOXROUND
	PHILOXROUND
	PHILOXROUND
	PHILOXROUND
	PHILOXROUND
	PHILOXROUND
	PHILOXROUND
	PHILOXROUND
	PHILOXROUND
	PHILOXROUND
	VPADDD  Y8, Y7, Y7
	VPSLLQ  $32, Y0, Y0
	VPSRLQ  $32, Y0, Y0
	VPSLLQ  $32, Y1, Y1
	VPOR    Y1, Y0, Y0
	VPMAXUD Y10, Y0, Y1
	VPCMPEQD Y0, Y1, Y1
	VMULPS (SI)(AX*1), Y11, Y0
	VPAND Y1, Y0, Y0
	VMOVUPS Y0, (DI)(AX*1)
	NEXT
