// linear: y[t,n] = sum_k x[t,k]*w[n,k] + b[n]; linear_back: dx[t,k] = sum_n dy[t,n]*w[n,k]
// variants: linear linear_back x f32 f16 bf16 int8 nf4 fp4 x vec x exchange
#version 450
#extension GL_KHR_shader_subgroup_shuffle : require
#include "lib.glsl"

// A workgroup is one subgroup and makes a tile of WG*TM rows, TM to a lane, and a number of columns that grows with TW.
// Its lanes need the same elements of w: each loads and expands an equal share, and they take the rest from each other.
// That suits devices where a load or an expansion costs much and an exchange little. TM and TW are powers of two.
layout(constant_id = 1) const uint TM = 8; // rows of a lane
layout(constant_id = 2) const uint TW = 4; // shares of w that a lane loads

layout(push_constant) uniform Linear { uint t, n, k, yStride, yOff, other, precision_; } p;

#define W_BINDING 2
#if defined(NF4) || defined(FP4)
#include "fourbit.glsl"
#define row_scale(row) 1.0
#else
#include "weight.glsl"
void load_table() {}
#endif

#ifdef LINEAR

#define bias other
OUT(0, float, y);
IN(1, vec4, x);
IN(W_NEXT, float, b);
const uint TN = WG * TW; // columns of the tile; a share is a row of w

#if defined(NF4) || defined(FP4)
const uint STEP = 2; // vectors of four that are loaded at once: a word of codes
#else
const uint STEP = 1;
#endif

void main() {
	uint tilesT = (p.t + WG * TM - 1) / (WG * TM);
	uint t0 = group_index() % tilesT * WG * TM, n0 = group_index() / tilesT * TN;
	if (n0 >= p.n) return;
	uint lane = gl_SubgroupInvocationID;
	load_table();

	float acc[TM * TN];
	uint xAt[TM], wAt[TW];
	uint steps = p.k / 4;
	[[unroll]] for (uint i = 0; i < TM; i++) xAt[i] = min(t0 + i * WG + lane, p.t - 1) * steps;
	[[unroll]] for (uint j = 0; j < TW; j++) wAt[j] = min(n0 + j * WG + lane, p.n - 1) * steps;
	[[unroll]] for (uint i = 0; i < TM * TN; i++) acc[i] = 0.0;

	for (uint k = 0; k < steps; k += STEP) {
		vec4 ws[TW * STEP];
		[[unroll]] for (uint j = 0; j < TW; j++) {
#if defined(NF4) || defined(FP4)
			uint v = w[(wAt[j] + k) / 2];
			float scale = scales[(wAt[j] + k) / (BLOCK / 4)];
			ws[j] = expand(v) * scale;
			ws[TW + j] = expand(v >> 16) * scale;
#else
			ws[j] = weight4(wAt[j] + k);
#endif
		}
		[[unroll]] for (uint h = 0; h < STEP; h++) {
			vec4 xs[TM];
			[[unroll]] for (uint i = 0; i < TM; i++) xs[i] = x[xAt[i] + k + h];
			[[unroll]] for (uint j = 0; j < TW; j++)
				[[unroll]] for (uint s = 0; s < WG; s++) {
					vec4 v = subgroupShuffle(ws[h * TW + j], s);
					[[unroll]] for (uint i = 0; i < TM; i++) acc[(j * WG + s) * TM + i] += dot(xs[i], v);
				}
		}
	}

	[[unroll]] for (uint j = 0; j < TN; j++) {
		uint n = n0 + j;
		if (n >= p.n) break;
		float scale = row_scale(n), add = p.bias != 0u ? b[n] : 0.0;
		[[unroll]] for (uint i = 0; i < TM; i++) {
			uint t = t0 + i * WG + lane;
			if (t < p.t) y[t * p.yStride + p.yOff + n] = acc[j * TM + i] * scale + add;
		}
	}
}

#else

#define acc_ other
INOUT(0, vec4, dx);
IN(1, float, dy);
const uint TQ = WG * TW; // columns of the tile, in fours; a share is four columns

void main() {
	uint cols = p.k / 4;
	uint tilesT = (p.t + WG * TM - 1) / (WG * TM);
	uint t0 = group_index() % tilesT * WG * TM, k0 = group_index() / tilesT * TQ;
	if (k0 >= cols) return;
	uint lane = gl_SubgroupInvocationID;
	load_table();

	vec4 acc[TM * TQ];
	uint dyAt[TM], col[TW];
	[[unroll]] for (uint i = 0; i < TM; i++) dyAt[i] = min(t0 + i * WG + lane, p.t - 1) * p.yStride + p.yOff;
	[[unroll]] for (uint j = 0; j < TW; j++) col[j] = min(k0 + lane * TW + j, cols - 1);
	[[unroll]] for (uint i = 0; i < TM * TQ; i++) acc[i] = vec4(0.0);

	for (uint n = 0; n < p.n; n++) {
		float d[TM], scale = row_scale(n);
		[[unroll]] for (uint i = 0; i < TM; i++) d[i] = dy[dyAt[i] + n] * scale;
		vec4 ws[TW];
#if defined(NF4) || defined(FP4)
		uint v = 0;
		float factor = scales[(n * cols + col[0]) / (BLOCK / 4)];
		[[unroll]] for (uint j = 0; j < TW; j++) {
			uint at = n * cols + col[j];
			if (j % 2 == 0) v = w[at / 2];
			ws[j] = expand(v >> at % 2 * 16) * factor;
		}
#else
		[[unroll]] for (uint j = 0; j < TW; j++) ws[j] = weight4(n * cols + col[j]);
#endif
		[[unroll]] for (uint j = 0; j < TW; j++)
			[[unroll]] for (uint s = 0; s < WG; s++) {
				vec4 e = subgroupShuffle(ws[j], s);
				[[unroll]] for (uint i = 0; i < TM; i++) acc[(s * TW + j) * TM + i] += d[i] * e;
			}
	}

	[[unroll]] for (uint j = 0; j < TQ; j++) {
		uint c = k0 + j;
		if (c >= cols) break;
		[[unroll]] for (uint i = 0; i < TM; i++) {
			uint t = t0 + i * WG + lane;
			if (t < p.t) {
				uint at = t * cols + c;
				dx[at] = acc[j * TM + i] + (p.acc_ != 0u ? dx[at] : vec4(0.0));
			}
		}
	}
}

#endif
