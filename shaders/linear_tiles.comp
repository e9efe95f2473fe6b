// linear: y[t,n] = sum_k x[t,k]*w[n,k] + b[n]; linear_back: dx[t,k] = sum_n dy[t,n]*w[n,k]
// variants: linear linear_back x f32 f16 bf16 int8 nf4 fp4 x tiles
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
#if defined(NF4) || defined(FP4)
#include "fourbit.glsl"
#define row_scale(row) 1.0
#else
#include "weight.glsl"
#endif

#ifdef LINEAR
#define bias other
OUT(0, float, y);
IN(1, float, x);
IN(W_NEXT, float, b);
uint columns() { return p.n; }
uint terms() { return p.k; }
float left(uint t, uint r) { return x[t * p.k + r]; }
void store(uint t, uint c, float v) {
	y[t * p.yStride + p.yOff + c] = v * row_scale(c) + (p.bias != 0u ? b[c] : 0.0);
}
#else
#define acc_ other
INOUT(0, float, dx);
IN(1, float, dy);
uint columns() { return p.k; }
uint terms() { return p.n; }
float left(uint t, uint r) { return dy[t * p.yStride + p.yOff + r] * row_scale(r); }
void store(uint t, uint c, float v) {
	uint at = t * p.k + c;
	dx[at] = v + (p.acc_ != 0u ? dx[at] : 0.0);
}
#endif

shared float as[BK * (BM + 1)];
shared float bs[BK * (BN + 1)];

// stage copies rows r0 … of the right factor, from column c0 on, to bs. Neighbouring lanes read along a row of w.
#if defined(NF4) || defined(FP4)
// A lane expands whole words. They never cross an edge of w: k is whole blocks.
void stage(uint r0, uint c0) {
	[[unroll]] for (uint i = 0; i < BN * BK / 8 / 64; i++) {
#ifdef LINEAR
		uint e = LANE + i * 64, k = r0 + e % (BK / 8) * 8, n = c0 + e / (BK / 8);
#else
		uint e = LANE + i * 64, n = r0 + e / (BN / 8), k = c0 + e % (BN / 8) * 8;
#endif
		vec4 lo = vec4(0.0), hi = vec4(0.0);
		if (n < p.n && k < p.k) {
			uint at = n * (p.k / 8) + k / 8, v = w[at];
			float scale = scales[at / (BLOCK / 8)];
			lo = expand(v) * scale;
			hi = expand(v >> 16) * scale;
		}
		[[unroll]] for (uint q = 0; q < 4; q++) {
#ifdef LINEAR
			bs[(k - r0 + q) * (BN + 1) + n - c0] = lo[q];
			bs[(k - r0 + q + 4) * (BN + 1) + n - c0] = hi[q];
#else
			bs[(n - r0) * (BN + 1) + k - c0 + q] = lo[q];
			bs[(n - r0) * (BN + 1) + k - c0 + q + 4] = hi[q];
#endif
		}
	}
}
#else
void load_table() {}
void stage(uint r0, uint c0) {
	[[unroll]] for (uint i = 0; i < BN * BK / 64; i++) {
#ifdef LINEAR
		uint e = LANE + i * 64, r = e % BK, c = e / BK, at = (c0 + c) * p.k + r0 + r;
#else
		uint e = LANE + i * 64, r = e / BN, c = e % BN, at = (r0 + r) * p.k + c0 + c;
#endif
		bs[r * (BN + 1) + c] = c0 + c < columns() && r0 + r < terms() ? weight(at) : 0.0;
	}
}
#endif

void main() {
	uint tilesT = (p.t + BM - 1) / BM;
	uint t0 = item() % tilesT * BM, c0 = item() / tilesT * BN;
	uint cols = columns(), total = terms();
	if (c0 >= cols) return;
	uint row = LANE / 8, column = LANE % 8;
	load_table();

	float acc[TM * TN];
	[[unroll]] for (uint i = 0; i < TM * TN; i++) acc[i] = 0.0;

	for (uint r0 = 0; r0 < total; r0 += BK) {
		[[unroll]] for (uint i = 0; i < BM * BK / 64; i++) {
			uint e = LANE + i * 64, r = e % BK, m = e / BK;
			as[r * (BM + 1) + m] = t0 + m < p.t && r0 + r < total ? left(t0 + m, r0 + r) : 0.0;
		}
		stage(r0, c0);
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
