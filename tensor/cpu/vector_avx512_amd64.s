#include "textflag.h"
#include "loops_avx512_amd64.h"

// Vector loops without an exponential.

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
