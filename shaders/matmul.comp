// matmul: c(m,n) = alpha*sum_k a(m,k)*b(k,n), plus c(m,n) if acc; either factor may be stored transposed
// variants: matmul x - group
#version 450
#include "lib.glsl"

// An item is a tile of TM x TN results. With group its lanes share the terms of the sums: the products of adapters
// have few results and long sums.
layout(constant_id = 1) const uint TM = 4;
layout(constant_id = 2) const uint TN = 8;

layout(push_constant) uniform MatMul {
	uint m, n, k, transA, transB, lda, ldb, ldc, aOff, bOff, cOff, acc;
	float alpha;
} p;

INOUT(0, float, c);
IN(1, float, a);
IN(2, float, b);

void main() {
	uint tilesM = (p.m + TM - 1) / TM;
	uint m0 = item() % tilesM * TM, n0 = item() / tilesM * TN;
	if (n0 >= p.n) return;

	uint aRow = p.transA != 0u ? 1u : p.lda, aStep = p.transA != 0u ? p.lda : 1u;
	uint bColumn = p.transB != 0u ? p.ldb : 1u, bStep = p.transB != 0u ? 1u : p.ldb;
	uint aAt[TM], bAt[TN];
	[[unroll]] for (uint i = 0; i < TM; i++) aAt[i] = p.aOff + min(m0 + i, p.m - 1) * aRow;
	[[unroll]] for (uint j = 0; j < TN; j++) bAt[j] = p.bOff + min(n0 + j, p.n - 1) * bColumn;

	float sum[TM * TN];
	[[unroll]] for (uint i = 0; i < TM * TN; i++) sum[i] = 0.0;
	for (uint k = LANE; k < p.k; k += LANES) {
		float as[TM];
		[[unroll]] for (uint i = 0; i < TM; i++) as[i] = a[aAt[i] + k * aStep];
		[[unroll]] for (uint j = 0; j < TN; j++) {
			float v = b[bAt[j] + k * bStep];
			[[unroll]] for (uint i = 0; i < TM; i++) sum[i * TN + j] += as[i] * v;
		}
	}

	[[unroll]] for (uint i = 0; i < TM; i++)
		[[unroll]] for (uint j = 0; j < TN; j++) {
			float v = p.alpha * all_sum(sum[i * TN + j]);
			if (LANE == 0u && m0 + i < p.m && n0 + j < p.n) {
				uint at = p.cOff + (m0 + i) * p.ldc + n0 + j;
				c[at] = v + (p.acc != 0u ? c[at] : 0.0);
			}
		}
}
