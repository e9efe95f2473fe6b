#include "textflag.h"
#include "loops_avx2_amd64.h"

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
