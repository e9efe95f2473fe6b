// What products of four rows of a weight with one vector share in AVX-512.
//
// SI, R9, R10, R11 rows; R8 bytes between them; DX x; CX elements left; Z0 … Z3 sums; Z4 x.

#define START \
	MOVQ   k+0(FP), CX; \
	MOVQ   w+8(FP), SI; \
	MOVQ   ld+16(FP), R8; \
	MOVQ   x+24(FP), DX; \
	LEAQ   (SI)(R8*1), R9; \
	LEAQ   (SI)(R8*2), R10; \
	LEAQ   (R9)(R8*2), R11; \
	VPXORQ Z0, Z0, Z0; \
	VPXORQ Z1, Z1, Z1; \
	VPXORQ Z2, Z2, Z2; \
	VPXORQ Z3, Z3, Z3

// NEXT goes on along the rows. What comes so many rows later is fetched meanwhile: rows are too short for the processor
// to foresee them.
#define NEXT(BYTES, ROWS) \
	PREFETCHT1 (SI)(R8*ROWS); \
	PREFETCHT1 (R9)(R8*ROWS); \
	PREFETCHT1 (R10)(R8*ROWS); \
	PREFETCHT1 (R11)(R8*ROWS); \
	ADDQ $BYTES, SI; \
	ADDQ $BYTES, R9; \
	ADDQ $BYTES, R10; \
	ADDQ $BYTES, R11

#define REDUCE(Z, Y, X, OFF) \
	VEXTRACTF64X4 $1, Z, Y4; \
	VADDPS        Y4, Y, Y; \
	VEXTRACTF128  $1, Y, X4; \
	VADDPS        X4, X, X; \
	VHADDPS       X, X, X; \
	VHADDPS       X, X, X; \
	VMOVSS        X, OFF(DI)

#define FINISH \
	MOVQ y+32(FP), DI; \
	REDUCE(Z0, Y0, X0, 0); \
	REDUCE(Z1, Y1, X1, 4); \
	REDUCE(Z2, Y2, X2, 8); \
	REDUCE(Z3, Y3, X3, 12); \
	VZEROUPPER; \
	RET

// SCALED adds the sums of two blocks, one in the lower lanes and one in the upper, times their scales.
#define SCALED(S0, S1, BLOCKS, SUM) \
	VBROADCASTSS S0, Z5; \
	VBROADCASTSS S1, K2, Z5; \
	VFMADD231PS  Z5, BLOCKS, SUM
