#include "textflag.h"

// Vector loops for AVX-512. The exponential is that of exp.go; expWide is its table, 32 bytes a constant.

#define ZERO(Z) VPXORQ Z, Z, Z

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

// X0 = all elements of Z0 joined by OP; X1 is overwritten.
#define REDUCE(OP) \
	VEXTRACTF64X4 $1, Z0, Y1; \
	OP            Y1, Y0, Y0; \
	VEXTRACTF128  $1, Y0, X1; \
	OP            X1, X0, X0; \
	VMOVHLPS      X0, X0, X1; \
	OP            X1, X0, X0; \
	VMOVSHDUP     X0, X1; \
	OP            X1, X0, X0

// Each function takes n > 0 elements, a multiple of 16. AX counts bytes up to CX.
#define LENGTH \
	MOVQ n+0(FP), CX; \
	SHLQ $2, CX; \
	XORQ AX, AX

#define NEXT \
	ADDQ $64, AX; \
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
	ADDQ    $64, AX; \
	CMPQ    AX, CX; \
	JNE     loop; \
	LDMXCSR saved-4(SP); \
	VZEROUPPER; \
	RET

// func dotAVX512(n int, a, b *float32) float32
TEXT ·dotAVX512(SB), NOSPLIT, $0-28
	LENGTH
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DI
	ZERO(Z0)
	ZERO(Z1)
	ZERO(Z2)
	ZERO(Z3)
	MOVQ CX, BX
	ANDQ $~(4*64-1), BX
	JZ   loop

loop4:
	VMOVUPS     (SI)(AX*1), Z4
	VMOVUPS     64(SI)(AX*1), Z5
	VMOVUPS     (2*64)(SI)(AX*1), Z6
	VMOVUPS     (3*64)(SI)(AX*1), Z7
	VFMADD231PS (DI)(AX*1), Z4, Z0
	VFMADD231PS 64(DI)(AX*1), Z5, Z1
	VFMADD231PS (2*64)(DI)(AX*1), Z6, Z2
	VFMADD231PS (3*64)(DI)(AX*1), Z7, Z3
	ADDQ        $(4*64), AX
	CMPQ        AX, BX
	JNE         loop4
	CMPQ        AX, CX
	JE          done

loop:
	VMOVUPS     (SI)(AX*1), Z4
	VFMADD231PS (DI)(AX*1), Z4, Z0
	ADDQ        $64, AX
	CMPQ        AX, CX
	JNE         loop

done:
	VADDPS Z1, Z0, Z0
	VADDPS Z3, Z2, Z2
	VADDPS Z2, Z0, Z0
	REDUCE(VADDPS)
	VMOVSS X0, ret+24(FP)
	VZEROUPPER
	RET

// func dot3AVX512(n int, a, b, c *float32) float32
TEXT ·dot3AVX512(SB), NOSPLIT, $0-36
	LENGTH
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DI
	MOVQ c+24(FP), DX
	ZERO(Z0)

loop:
	VMOVUPS     (SI)(AX*1), Z4
	VMULPS      (DI)(AX*1), Z4, Z4
	VFMADD231PS (DX)(AX*1), Z4, Z0
	ADDQ        $64, AX
	CMPQ        AX, CX
	JNE         loop
	REDUCE(VADDPS)
	VMOVSS      X0, ret+32(FP)
	VZEROUPPER
	RET

// func largestAVX512(n int, x *float32) float32
TEXT ·largestAVX512(SB), NOSPLIT, $0-20
	LENGTH
	MOVQ    x+8(FP), SI
	VMOVUPS (SI), Z0

loop:
	VMAXPS  (SI)(AX*1), Z0, Z0
	ADDQ    $64, AX
	CMPQ    AX, CX
	JNE     loop
	REDUCE(VMAXPS)
	VMOVSS  X0, ret+16(FP)
	VZEROUPPER
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

// func axpyAVX512(n int, y, x *float32, k float32)
TEXT ·axpyAVX512(SB), NOSPLIT, $0-28
	LENGTH
	MOVQ         y+8(FP), DI
	MOVQ         x+16(FP), SI
	VBROADCASTSS k+24(FP), Z2

loop:
	VMOVUPS     (DI)(AX*1), Z0
	VFMADD231PS (SI)(AX*1), Z2, Z0
	VMOVUPS     Z0, (DI)(AX*1)
	NEXT

// func scaleAVX512(n int, x *float32, k float32)
TEXT ·scaleAVX512(SB), NOSPLIT, $0-20
	LENGTH
	MOVQ         x+8(FP), DI
	VBROADCASTSS k+16(FP), Z2

loop:
	VMULPS  (DI)(AX*1), Z2, Z0
	VMOVUPS Z0, (DI)(AX*1)
	NEXT

// func sumAVX512(n int, y, a, b *float32)
TEXT ·sumAVX512(SB), NOSPLIT, $0-32
	LENGTH
	MOVQ y+8(FP), DI
	MOVQ a+16(FP), SI
	MOVQ b+24(FP), DX

loop:
	VMOVUPS (SI)(AX*1), Z0
	VADDPS  (DX)(AX*1), Z0, Z0
	VMOVUPS Z0, (DI)(AX*1)
	NEXT

// func mulScaleAVX512(n int, y, x, w *float32, k float32)
TEXT ·mulScaleAVX512(SB), NOSPLIT, $0-36
	LENGTH
	MOVQ         y+8(FP), DI
	MOVQ         x+16(FP), SI
	MOVQ         w+24(FP), DX
	VBROADCASTSS k+32(FP), Z2

loop:
	VMULPS  (SI)(AX*1), Z2, Z0
	VMULPS  (DX)(AX*1), Z0, Z0
	VMOVUPS Z0, (DI)(AX*1)
	NEXT

// func normBackAVX512(n int, dx, dy, x, w *float32, r, c float32)
TEXT ·normBackAVX512(SB), NOSPLIT, $0-48
	LENGTH
	MOVQ         dx+8(FP), DI
	MOVQ         dy+16(FP), SI
	MOVQ         x+24(FP), DX
	MOVQ         w+32(FP), BX
	VBROADCASTSS r+40(FP), Z2
	VBROADCASTSS c+44(FP), Z3

loop:
	VMOVUPS      (SI)(AX*1), Z0
	VMULPS       (BX)(AX*1), Z0, Z0
	VMULPS       Z2, Z0, Z0
	VFNMADD231PS (DX)(AX*1), Z3, Z0
	VMOVUPS      Z0, (DI)(AX*1)
	NEXT

// func scoreAVX512(n int, p, dp *float32, delta, k float32)
TEXT ·scoreAVX512(SB), NOSPLIT, $8-32
	FLUSH
	LENGTH
	MOVQ         p+8(FP), DI
	MOVQ         dp+16(FP), SI
	VBROADCASTSS delta+24(FP), Z2
	VBROADCASTSS k+28(FP), Z3

loop:
	VMOVUPS (SI)(AX*1), Z0
	VSUBPS  Z2, Z0, Z0
	VMULPS  (DI)(AX*1), Z0, Z0
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

// func adamwAVX512(n int, p, m, v, grad *float32, s *adamStep)
TEXT ·adamwAVX512(SB), NOSPLIT, $0-48
	LENGTH
	MOVQ         p+8(FP), DI
	MOVQ         m+16(FP), SI
	MOVQ         v+24(FP), DX
	MOVQ         grad+32(FP), BX
	MOVQ         s+40(FP), R8
	VBROADCASTSS 0(R8), Z8   // keep
	VBROADCASTSS 4(R8), Z9   // beta1
	VBROADCASTSS 8(R8), Z10  // rest1
	VBROADCASTSS 12(R8), Z11 // beta2
	VBROADCASTSS 16(R8), Z12 // rest2
	VBROADCASTSS 20(R8), Z13 // step
	VBROADCASTSS 24(R8), Z14 // root2
	VBROADCASTSS 28(R8), Z15 // eps

loop:
	VMOVUPS     (BX)(AX*1), Z0
	VMULPS      (SI)(AX*1), Z9, Z1
	VMULPS      (DX)(AX*1), Z11, Z2
	VFMADD231PS Z0, Z10, Z1
	VMULPS      Z0, Z12, Z3
	VFMADD231PS Z0, Z3, Z2
	VMOVUPS     Z1, (SI)(AX*1)
	VMOVUPS     Z2, (DX)(AX*1)
	VSQRTPS     Z2, Z2
	VDIVPS      Z14, Z2, Z2
	VADDPS      Z15, Z2, Z2
	VMULPS      Z13, Z1, Z1
	VDIVPS      Z2, Z1, Z1
	VMULPS      (DI)(AX*1), Z8, Z0
	VSUBPS      Z1, Z0, Z0
	VMOVUPS     Z0, (DI)(AX*1)
	NEXT

// func widenBF16AVX512(n int, dst *float32, src unsafe.Pointer)
TEXT ·widenBF16AVX512(SB), NOSPLIT, $0-24
	LENGTH
	MOVQ dst+8(FP), DI
	MOVQ src+16(FP), SI

loop:
	VPMOVZXWD (SI), Z0
	VPSLLD    $16, Z0, Z0
	VMOVUPS   Z0, (DI)(AX*1)
	ADDQ      $(64/2), SI
	NEXT

// func widenF16AVX512(n int, dst *float32, src unsafe.Pointer)
TEXT ·widenF16AVX512(SB), NOSPLIT, $0-24
	LENGTH
	MOVQ dst+8(FP), DI
	MOVQ src+16(FP), SI

loop:
	VCVTPH2PS (SI), Z0
	VMOVUPS   Z0, (DI)(AX*1)
	ADDQ      $(64/2), SI
	NEXT

// func rotateAVX512(n int, lo, hi, cos, sin *float32, sign float32)
TEXT ·rotateAVX512(SB), NOSPLIT, $0-44
	LENGTH
	MOVQ         lo+8(FP), DI
	MOVQ         hi+16(FP), SI
	MOVQ         cos+24(FP), DX
	MOVQ         sin+32(FP), BX
	VBROADCASTSS sign+40(FP), Z5

loop:
	VMOVUPS      (DI)(AX*1), Z0
	VMOVUPS      (SI)(AX*1), Z1
	VMOVUPS      (DX)(AX*1), Z2
	VMULPS       (BX)(AX*1), Z5, Z3
	VMULPS       Z0, Z2, Z4
	VMULPS       Z1, Z2, Z2
	VFNMADD231PS Z1, Z3, Z4
	VFMADD231PS  Z0, Z3, Z2
	VMOVUPS      Z4, (DI)(AX*1)
	VMOVUPS      Z2, (SI)(AX*1)
	NEXT

// Counters and words of Philox are the lower halves of 64-bit lanes; what is above them does not matter.
#define PHILOXROUND \
	VPMULUDQ Z6, Z0, Z2; \
	VPXORQ   Z3, Z1, Z1; \
	VPSRLQ   $32, Z2, Z0; \
	VPXORQ   Z1, Z0, Z0; \
	VMOVAPS  Z2, Z1; \
	VPADDD   Z5, Z3, Z3

// func dropoutAVX512(n int, y, x *float32, block, site, key, drop uint32, keep float32)
TEXT ·dropoutAVX512(SB), NOSPLIT, $0-44
	LENGTH
	MOVQ         y+8(FP), DI
	MOVQ         x+16(FP), SI
	VBROADCASTSS block+24(FP), Z7
	VPADDQ       ·philoxLanes(SB), Z7, Z7
	VBROADCASTSS site+28(FP), Z9
	VBROADCASTSS key+32(FP), Z4
	VBROADCASTSS drop+36(FP), Z10
	VBROADCASTSS keep+40(FP), Z11
	VPBROADCASTD ·philoxNumbers+0(SB), Z6
	VPBROADCASTD ·philoxNumbers+4(SB), Z5
	VPBROADCASTD ·philoxNumbers+8(SB), Z8

loop:
	VMOVAPS Z7, Z0
	VMOVAPS Z9, Z1
	VMOVAPS Z4, Z3
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
	VPADDD  Z8, Z7, Z7
	VPSLLQ  $32, Z0, Z0
	VPSRLQ  $32, Z0, Z0
	VPSLLQ  $32, Z1, Z1
	VPORQ   Z1, Z0, Z0
	VPCMPUD $5, Z10, Z0, K1
	VMULPS.Z (SI)(AX*1), Z11, K1, Z0
	VMOVUPS Z0, (DI)(AX*1)
	NEXT
