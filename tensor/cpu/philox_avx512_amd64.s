#include "textflag.h"
#include "loops_avx512_amd64.h"

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
