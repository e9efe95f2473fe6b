// What the vector loops for AVX2, FMA and F16C share.

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

#define ZERO(Y) VXORPS Y, Y, Y

// X0 = all elements of Y0 joined by OP; X1 is overwritten.
#define REDUCE(OP) \
	VEXTRACTF128 $1, Y0, X1; \
	OP           X1, X0, X0; \
	VMOVHLPS     X0, X0, X1; \
	OP           X1, X0, X0; \
	VMOVSHDUP    X0, X1; \
	OP           X1, X0, X0
