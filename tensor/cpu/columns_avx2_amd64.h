// What the packing of columns for AVX2 shares.
//
// The transposition takes 8 rows, four words of 32 bits at a time. Lane l of Y0 … Y3 gets rows 4l … 4l+3, which are
// then transposed within lanes. A word is a float32 or a pair of 16-bit elements that is split afterwards.

// SI row 0; R10 row 4, which lies o4 bytes after it; R8 bytes between rows, R9 three times that; DI panel; CX groups of
// words left.
#define START \
	MOVQ panel+0(FP), DI; \
	MOVQ src+8(FP), SI; \
	MOVQ ld+16(FP), R8; \
	MOVQ groups+24(FP), CX; \
	MOVQ o4+32(FP), R10; \
	ADDQ SI, R10; \
	LEAQ (R8)(R8*2), R9

#define LANES(A, B, X, Y) \
	VMOVUPS     A, X; \
	VINSERTF128 $1, B, Y, Y

// TRANSPOSE leaves word i of all rows in Y(8+i).
#define TRANSPOSE \
	LANES((SI), (R10), X0, Y0); \
	LANES((SI)(R8*1), (R10)(R8*1), X1, Y1); \
	LANES((SI)(R8*2), (R10)(R8*2), X2, Y2); \
	LANES((SI)(R9*1), (R10)(R9*1), X3, Y3); \
	VUNPCKLPS Y1, Y0, Y4; \
	VUNPCKHPS Y1, Y0, Y5; \
	VUNPCKLPS Y3, Y2, Y6; \
	VUNPCKHPS Y3, Y2, Y7; \
	VUNPCKLPD Y6, Y4, Y8; \
	VUNPCKHPD Y6, Y4, Y9; \
	VUNPCKLPD Y7, Y5, Y10; \
	VUNPCKHPD Y7, Y5, Y11; \
	ADDQ      $16, SI; \
	ADDQ      $16, R10
