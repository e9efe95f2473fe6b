// linear, linear_back as in linear.comp, with w of 4-bit codes: w[n,k] = table[code[n,k]]*scale[n,k/64]
// variants: linear x nf4 fp4 x vec x - group; linear_back x nf4 fp4 x vec
#version 450
#include "lib.glsl"

// The tiles of linear.comp; TM and TN are powers of two of at most 64. A word of eight codes is loaded once, and
// expanded once for all rows of a tile.
layout(constant_id = 1) const uint TM = 4;
layout(constant_id = 2) const uint TN = 4;

layout(push_constant) uniform Linear { uint t, n, k, yStride, yOff, other, precision_; } p;

#define W_BINDING 2
#include "fourbit.glsl"

#if defined(LINEAR)

#define bias other
OUT(0, float, y);
IN(1, vec4, x);
IN(W_NEXT, float, b);

// Words of a row that a loop's turn takes: those of a scale, or one where lanes share a row.
#ifdef GROUP
const uint SPAN = 1;
#else
const uint SPAN = BLOCK / 8;
#endif

void main() {
	uint tilesT = (p.t + TM - 1) / TM;
	uint t0 = item() % tilesT * TM, n0 = item() / tilesT * TN;
	if (n0 >= p.n) return;
	load_table();

	float acc[TM * TN];
	uint xAt[TM], wAt[TN];
	uint words = p.k / 8;
	[[unroll]] for (uint i = 0; i < TM; i++) xAt[i] = min(t0 + i, p.t - 1) * words * 2;
	[[unroll]] for (uint j = 0; j < TN; j++) wAt[j] = min(n0 + j, p.n - 1) * words;
	[[unroll]] for (uint i = 0; i < TM * TN; i++) acc[i] = 0.0;

	for (uint s = LANE * SPAN; s < words; s += LANES * SPAN) {
		float scale[TN];
		[[unroll]] for (uint j = 0; j < TN; j++) scale[j] = scales[(wAt[j] + s) / (BLOCK / 8)];
		for (uint k = s; k < s + SPAN; k++) {
			uint v[TN];
			[[unroll]] for (uint j = 0; j < TN; j++) v[j] = w[wAt[j] + k];
			[[unroll]] for (uint h = 0; h < 2; h++) {
				vec4 xs[TM];
				[[unroll]] for (uint i = 0; i < TM; i++) xs[i] = x[xAt[i] + 2 * k + h];
				[[unroll]] for (uint j = 0; j < TN; j++) {
					vec4 e = expand(v[j] >> 16 * h) * scale[j];
					[[unroll]] for (uint i = 0; i < TM; i++) acc[i * TN + j] += dot(xs[i], e);
				}
			}
		}
	}

	[[unroll]] for (uint j = 0; j < TN; j++) {
		uint n = n0 + j;
		if (n >= p.n) break;
		float add = p.bias != 0u ? b[n] : 0.0;
		[[unroll]] for (uint i = 0; i < TM; i++) {
			float sum = all_sum(acc[i * TN + j]) + add;
			if (LANE == 0u && t0 + i < p.t) y[(t0 + i) * p.yStride + p.yOff + n] = sum;
		}
	}
}

#else

#define acc_ other
INOUT(0, vec4, dx);
IN(1, float, dy);
const uint COLS = TN / 4; // columns in fours

void main() {
	uint cols = p.k / 4;
	uint tilesT = (p.t + TM - 1) / TM;
	uint t0 = item() % tilesT * TM, k0 = item() / tilesT * COLS; // a tile's columns lie within one block
	if (k0 >= cols) return;

	vec4 acc[TM * COLS];
	uint dyAt[TM];
	[[unroll]] for (uint i = 0; i < TM; i++) dyAt[i] = min(t0 + i, p.t - 1) * p.yStride + p.yOff;
	[[unroll]] for (uint i = 0; i < TM * COLS; i++) acc[i] = vec4(0.0);

	for (uint n = 0; n < p.n; n++) {
		float d[TM];
		[[unroll]] for (uint i = 0; i < TM; i++) d[i] = dy[dyAt[i] + n];
		uint at = n * cols + k0, v = 0;
		float scale = scales[at / (BLOCK / 4)];
		[[unroll]] for (uint j = 0; j < COLS; j++) {
			if (j % 2 == 0) v = w[(at + j) / 2] >> (COLS == 1 ? at % 2 * 16 : 0);
			vec4 e = expand(v >> j % 2 * 16) * scale;
			[[unroll]] for (uint i = 0; i < TM; i++) acc[i * COLS + j] += d[i] * e;
		}
	}

	[[unroll]] for (uint j = 0; j < COLS; j++) {
		[[unroll]] for (uint i = 0; i < TM; i++) {
			if (t0 + i < p.t) {
				uint at = (t0 + i) * cols + k0 + j;
				dx[at] = acc[i * COLS + j] + (p.acc_ != 0u ? dx[at] : vec4(0.0));
			}
		}
	}
}

#endif
