// linear: y[t,n] = sum_k x[t,k]*w[n,k] + b[n]; linear_back: dx[t,k] = sum_n dy[t,n]*w[n,k]
// variants: linear linear_back x f32 f16 bf16 x tiles
#version 450
#define GROUP
#include "lib.glsl"

// A workgroup of 8 x 8 lanes (WG = 64) makes a tile of BM rows and BN columns, a lane TM x TN of it; BK steps of both
// factors are staged in shared memory at a time. Rows of a staged factor are one element longer than the tile, so that
// writing a column does not meet one bank.
layout(constant_id = 1) const uint TM = 8;
layout(constant_id = 2) const uint TN = 8;
const uint BM = 8 * TM, BN = 8 * TN, BK = 16;

layout(push_constant) uniform Linear { uint t, n, k, yStride, yOff, other, precision_; } p;

#define W_BINDING 2
#include "weight.glsl"

#ifdef LINEAR
#define bias other
OUT(0, float, y);
IN(1, float, x);
IN(3, float, b);
uint columns() { return p.n; }
uint terms() { return p.k; }
float left(uint t, uint r) { return x[t * p.k + r]; }
float right(uint r, uint c) { return weight(c * p.k + r); }
void store(uint t, uint c, float v) {
	y[t * p.yStride + p.yOff + c] = v + (p.bias != 0u ? b[c] : 0.0);
}
#else
#define acc_ other
INOUT(0, float, dx);
IN(1, float, dy);
uint columns() { return p.k; }
uint terms() { return p.n; }
float left(uint t, uint r) { return dy[t * p.yStride + p.yOff + r]; }
float right(uint r, uint c) { return weight(r * p.k + c); }
void store(uint t, uint c, float v) {
	uint at = t * p.k + c;
	dx[at] = v + (p.acc_ != 0u ? dx[at] : 0.0);
}
#endif

shared float as[BK * (BM + 1)];
shared float bs[BK * (BN + 1)];

void main() {
	uint tilesT = (p.t + BM - 1) / BM;
	uint t0 = item() % tilesT * BM, c0 = item() / tilesT * BN;
	uint cols = columns(), total = terms();
	if (c0 >= cols) return;
	uint row = LANE / 8, column = LANE % 8;

	float acc[TM * TN];
	[[unroll]] for (uint i = 0; i < TM * TN; i++) acc[i] = 0.0;

	for (uint r0 = 0; r0 < total; r0 += BK) {
		[[unroll]] for (uint i = 0; i < BM * BK / 64; i++) {
			uint e = LANE + i * 64, r = e % BK, m = e / BK;
			as[r * (BM + 1) + m] = t0 + m < p.t && r0 + r < total ? left(t0 + m, r0 + r) : 0.0;
		}
		[[unroll]] for (uint i = 0; i < BN * BK / 64; i++) {
#ifdef LINEAR
			uint e = LANE + i * 64, r = e % BK, c = e / BK; // neighbours read along a row of w
#else
			uint e = LANE + i * 64, r = e / BN, c = e % BN;
#endif
			bs[r * (BN + 1) + c] = c0 + c < cols && r0 + r < total ? right(r0 + r, c0 + c) : 0.0;
		}
		barrier();
		for (uint r = 0; r < BK; r++) {
			float a[TM], b[TN];
			[[unroll]] for (uint i = 0; i < TM; i++) a[i] = as[r * (BM + 1) + i * 8 + row];
			[[unroll]] for (uint j = 0; j < TN; j++) b[j] = bs[r * (BN + 1) + j * 8 + column];
			[[unroll]] for (uint i = 0; i < TM; i++)
				[[unroll]] for (uint j = 0; j < TN; j++) acc[i * TN + j] += a[i] * b[j];
		}
		barrier();
	}

	[[unroll]] for (uint i = 0; i < TM; i++)
		[[unroll]] for (uint j = 0; j < TN; j++) {
			uint t = t0 + i * 8 + row, c = c0 + j * 8 + column;
			if (t < p.t && c < cols) store(t, c, acc[i * TN + j]);
		}
}
