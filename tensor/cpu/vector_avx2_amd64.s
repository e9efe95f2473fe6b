#include "textflag.h"
#include "loops_avx2_amd64.h"

// Vector loops without an exponential.

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
