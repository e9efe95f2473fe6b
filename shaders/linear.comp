// linear: y[t,n] = sum_k x[t,k]*w[n,k] + b[n]; linear_back: dx[t,k] = sum_n dy[t,n]*w[n,k]
// variants: linear x f32 f16 bf16 int8 x - vec x - group; linear_back x f32 f16 bf16 int8 x - vec
#version 450
#include "lib.glsl"

// Each invocation makes a tile of TM rows and TN columns in registers: a load then feeds TM or TN products, which is
// what counts on devices where loads are dear and shared memory is no help. Rows and columns beyond the edge are
// computed from the last valid one and not stored. With vec, k is a multiple of four and TN too. With group the lanes
// of a workgroup share the terms of a tile's sums, which suits few tokens.
layout(constant_id = 1) const uint TM = 4;
layout(constant_id = 2) const uint TN = 4;
const uint TQ = TN / 4; // columns in fours

layout(push_constant) uniform Linear { uint t, n, k, yStride, yOff, other, precision_; } p;

#define W_BINDING 2
#include "weight.glsl"

#if defined(LINEAR)

#define bias other
OUT(0, float, y);
#ifdef VEC
IN(1, vec4, x);
#else
IN(1, float, x);
#endif
IN(W_NEXT, float, b);

void main() {
	uint tilesT = (p.t + TM - 1) / TM;
	uint t0 = item() % tilesT * TM, n0 = item() / tilesT * TN;
	if (n0 >= p.n) return;

	float acc[TM * TN];
	uint xAt[TM], wAt[TN];
#ifdef VEC
	uint steps = p.k / 4;
#else
	uint steps = p.k;
#endif
	[[unroll]] for (uint i = 0; i < TM; i++) xAt[i] = min(t0 + i, p.t - 1) * steps;
	[[unroll]] for (uint j = 0; j < TN; j++) wAt[j] = min(n0 + j, p.n - 1) * steps;
	[[unroll]] for (uint i = 0; i < TM * TN; i++) acc[i] = 0.0;

	for (uint k = LANE; k < steps; k += LANES) {
#ifdef VEC
		vec4 xs[TM];
		[[unroll]] for (uint i = 0; i < TM; i++) xs[i] = x[xAt[i] + k];
		[[unroll]] for (uint j = 0; j < TN; j++) {
			vec4 v = weight4(wAt[j] + k);
			[[unroll]] for (uint i = 0; i < TM; i++) acc[i * TN + j] += dot(xs[i], v);
		}
#else
		float xs[TM];
		[[unroll]] for (uint i = 0; i < TM; i++) xs[i] = x[xAt[i] + k];
		[[unroll]] for (uint j = 0; j < TN; j++) {
			float v = weight(wAt[j] + k);
			[[unroll]] for (uint i = 0; i < TM; i++) acc[i * TN + j] += xs[i] * v;
		}
#endif
	}

	[[unroll]] for (uint j = 0; j < TN; j++) {
		uint n = n0 + j;
		if (n >= p.n) break;
		float scale = row_scale(n), add = p.bias != 0u ? b[n] : 0.0;
		[[unroll]] for (uint i = 0; i < TM; i++) {
			float v = all_sum(acc[i * TN + j]) * scale + add;
			if (LANE == 0u && t0 + i < p.t) y[(t0 + i) * p.yStride + p.yOff + n] = v;
		}
	}
}

#else

#define acc_ other
#ifdef VEC
INOUT(0, vec4, dx);
#define E vec4
#define COLS TQ
#define load_w weight4
#else
INOUT(0, float, dx);
#define E float
#define COLS TN
#define load_w weight
#endif
IN(1, float, dy);

void main() {
#ifdef VEC
	uint cols = p.k / 4;
#else
	uint cols = p.k;
#endif
	uint tilesT = (p.t + TM - 1) / TM;
	uint t0 = item() % tilesT * TM, k0 = item() / tilesT * COLS;
	if (k0 >= cols) return;

	E acc[TM * COLS];
	uint dyAt[TM], col[COLS];
	[[unroll]] for (uint i = 0; i < TM; i++) dyAt[i] = min(t0 + i, p.t - 1) * p.yStride + p.yOff;
	[[unroll]] for (uint j = 0; j < COLS; j++) col[j] = min(k0 + j, cols - 1);
	[[unroll]] for (uint i = 0; i < TM * COLS; i++) acc[i] = E(0.0);

	for (uint n = 0; n < p.n; n++) {
		float d[TM], scale = row_scale(n);
		[[unroll]] for (uint i = 0; i < TM; i++) d[i] = dy[dyAt[i] + n] * scale;
		[[unroll]] for (uint j = 0; j < COLS; j++) {
			E v = load_w(n * cols + col[j]);
			[[unroll]] for (uint i = 0; i < TM; i++) acc[i * COLS + j] += d[i] * v;
		}
	}

	[[unroll]] for (uint j = 0; j < COLS; j++) {
		uint c = k0 + j;
		if (c >= cols) break;
		[[unroll]] for (uint i = 0; i < TM; i++) {
			if (t0 + i < p.t) {
				uint at = (t0 + i) * cols + c;
				dx[at] = acc[i * COLS + j] + (p.acc_ != 0u ? dx[at] : E(0.0));
			}
		}
	}
}

#endif
