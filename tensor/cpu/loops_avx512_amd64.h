// What the vector loops for AVX-512 share.

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

#define ZERO(Z) VPXORQ Z, Z, Z

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
