// What the packing of columns for AVX-512 shares.
//
// The transposition takes 16 rows, four words of 32 bits at a time. Lane l of Z0 … Z3 gets rows 4l … 4l+3, which
// are then transposed within lanes. A word is a float32 or a pair of 16-bit elements that is split afterwards.

// SI row 0; R10, R11, R12 rows 4, 8, 12, which lie o4, o8, o12 bytes after it; R8 bytes between rows, R9 three times
// that; DI panel; CX groups of words left.
#define START \
	MOVQ panel+0(FP), DI; \
	MOVQ src+8(FP), SI; \
	MOVQ ld+16(FP), R8; \
	MOVQ groups+24(FP), CX; \
	MOVQ o4+32(FP), R10; \
	MOVQ o8+40(FP), R11; \
	MOVQ o12+48(FP), R12; \
	ADDQ SI, R10; \
	ADDQ SI, R11; \
	ADDQ SI, R12; \
	LEAQ (R8)(R8*2), R9

#define LANES(A, B, C, D, X, Z) \
	VMOVUPS      A, X; \
	VINSERTF32X4 $1, B, Z, Z; \
	VINSERTF32X4 $2, C, Z, Z; \
	VINSERTF32X4 $3, D, Z, Z

// TRANSPOSE leaves word i of all rows in Z(8+i).
#define TRANSPOSE \
	LANES((SI), (R10), (R11), (R12), X0, Z0); \
	LANES((SI)(R8*1), (R10)(R8*1), (R11)(R8*1), (R12)(R8*1), X1, Z1); \
	LANES((SI)(R8*2), (R10)(R8*2), (R11)(R8*2), (R12)(R8*2), X2, Z2); \
	LANES((SI)(R9*1), (R10)(R9*1), (R11)(R9*1), (R12)(R9*1), X3, Z3); \
	VUNPCKLPS Z1, Z0, Z4; \
	VUNPCKHPS Z1, Z0, Z5; \
	VUNPCKLPS Z3, Z2, Z6; \
	VUNPCKHPS Z3, Z2, Z7; \
	VUNPCKLPD Z6, Z4, Z8; \
	VUNPCKHPD Z6, Z4, Z9; \
	VUNPCKLPD Z7, Z5, Z10; \
	VUNPCKHPD Z7, Z5, Z11; \
	ADDQ      $16, SI; \
	ADDQ      $16, R10; \
	ADDQ      $16, R11; \
	ADDQ      $16, R12
