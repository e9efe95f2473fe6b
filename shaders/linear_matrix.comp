// linear: y[t,n] = sum_k x[t,k]*w[n,k] + b[n]; linear_back: dx[t,k] = sum_n dy[t,n]*w[n,k]
// variants: linear linear_back x f32 f16 bf16 int8 nf4 fp4 x matrix x - half
#version 450
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#pragma use_vulkan_memory_model
#ifdef HALF
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#define E float16_t
#else
#extension GL_EXT_bfloat16 : require
#define E bfloat16_t
#endif
#define GROUP
#include "lib.glsl"

// Both factors are rounded to bfloat16, or with half to float16, and multiplied as matrices of MM x MK and MK x MN
// elements, which the SG lanes of a subgroup hold together. A workgroup of WM x WN subgroups makes a tile of BM rows
// and BN columns, a subgroup TM x TN matrices of it. BK steps of both factors are staged in shared memory at a time;
// the next ones are read into registers meanwhile. An item of shared memory is a chunk: eight neighbours of a row. A
// row is one chunk longer than the tile, so that rows begin in different banks. Rows of x, w and dy are whole chunks.
//
// Float16 has few exponents: with half, a row of x or dy, and of w unless it is stored so, is divided by a power of
// two before it is rounded (row_scale.comp): powers holds those of w, then those of the other factor from a multiple of
// 64 on.
layout(constant_id = 1) const uint MM = 8;
layout(constant_id = 2) const uint MN = 8;
layout(constant_id = 3) const uint MK = 8;
layout(constant_id = 4) const uint SG = 8;
layout(constant_id = 5) const uint WM = 1;
layout(constant_id = 6) const uint WN = 1;
layout(constant_id = 7) const uint TM = 1;
layout(constant_id = 8) const uint TN = 1;
const uint BM = WM * TM * MM, BN = WN * TN * MN, BK = 32;

layout(push_constant) uniform Linear { uint t, n, k, yStride, yOff, other, precision_; } p;

#define W_BINDING 2
#include "chunk.glsl"

#ifdef LINEAR
#define bias other
OUT(0, float, y);
IN(1, vec4, x);
IN(W_NEXT, float, b);
#define POWERS W_NEXT + 1
#else
#define acc_ other
INOUT(0, float, dx);
IN(1, vec4, dy);
#define POWERS W_NEXT
#endif

#ifdef HALF
IN(POWERS, float, powers);
float left_power(uint t) { return powers[(p.n + 63) / 64 * 64 + t]; }
uint pack(vec2 v) { return packHalf2x16(v); }
#else
uint pack(vec2 v) {
	uvec2 u = floatBitsToUint(v), even = u + 0x7fffu + (u >> 16 & 1u);
	u = mix(even, u | 0x400000u, isnan(v));
	return u.x >> 16 | u.y & 0xffff0000u;
}
#endif
uvec4 pack(vec4 lo, vec4 hi) { return uvec4(pack(lo.xy), pack(lo.zw), pack(hi.xy), pack(hi.zw)); }

// scale_of is what the staged elements of a row of w are to be multiplied by.
#if defined(INT8)
float scale_of(uint row) { return scales[row]; }
#define SCALED
#elif defined(HALF) && !defined(F16)
float scale_of(uint row) { return powers[row]; }
#define SCALED
#endif

#ifdef LINEAR
uint columns() { return p.n; }
uint terms() { return p.k; }
uint left_at(uint t, uint r) { return (t * p.k + r) / 4; }
#define left x
void store(uint t, uint c, float v) {
#ifdef SCALED
	v *= scale_of(c);
#endif
	y[t * p.yStride + p.yOff + c] = v + (p.bias != 0u ? b[c] : 0.0);
}
#else
uint columns() { return p.k; }
uint terms() { return p.n; }
uint left_at(uint t, uint r) { return (t * p.yStride + p.yOff + r) / 4; }
#define left dy
void store(uint t, uint c, float v) {
	uint at = t * p.k + c;
	dx[at] = v + (p.acc_ != 0u ? dx[at] : 0.0);
}
#endif

// Chunks of the staged tiles, of which a lane takes its share.
const uint AROW = BK / 8 + 1, AALL = BM * BK / 8, ALANE = (AALL + WG - 1) / WG;
#ifdef LINEAR
const uint BROW = BK / 8 + 1, BCHUNKS = BK / 8; // rows are columns of the result
const uint BROWS = BN;
#else
const uint BROW = BN / 8 + 1, BCHUNKS = BN / 8; // rows are terms
const uint BROWS = BK;
#endif
const uint BALL = BROWS * BCHUNKS, BLANE = (BALL + WG - 1) / WG;

shared uvec4 as[BM * AROW];
shared uvec4 bs[BROWS * BROW];
shared float cs[WM * WN * MM * MN];

vec4 a_next[2 * ALANE];
Chunk b_next[BLANE];

// row_of and column_of are the place in w of chunk e of the tile at step r0 and column c0.
#ifdef LINEAR
uint row_of(uint e, uint r0, uint c0) { return c0 + e / BCHUNKS; }
uint column_of(uint e, uint r0, uint c0) { return r0 + e % BCHUNKS * 8; }
#else
uint row_of(uint e, uint r0, uint c0) { return r0 + e / BCHUNKS; }
uint column_of(uint e, uint r0, uint c0) { return c0 + e % BCHUNKS * 8; }
#endif

// fetch reads what the lane will stage. Beyond the edges there are zeros.
void fetch(uint t0, uint r0, uint c0) {
	[[unroll]] for (uint i = 0; i < ALANE; i++) {
		uint e = LANE + i * WG, t = t0 + e / (BK / 8), r = r0 + e % (BK / 8) * 8;
		bool inside = (AALL % WG == 0 || e < AALL) && t < p.t && r < terms();
		uint at = left_at(t, r);
		a_next[2 * i] = inside ? left[at] : vec4(0.0);
		a_next[2 * i + 1] = inside ? left[at + 1] : vec4(0.0);
	}
	[[unroll]] for (uint i = 0; i < BLANE; i++) {
		uint e = LANE + i * WG, n = row_of(e, r0, c0), k = column_of(e, r0, c0);
		bool inside = (BALL % WG == 0 || e < BALL) && n < p.n && k < p.k;
		if (inside) b_next[i] = load_chunk(n * (p.k / 8) + k / 8);
		else b_next[i] = no_chunk();
	}
}

// stage rounds what fetch read. a_unit has the reciprocals of the powers of the lane's rows.
void stage(float a_unit[ALANE], uint r0, uint c0) {
	[[unroll]] for (uint i = 0; i < ALANE; i++) {
		uint e = LANE + i * WG;
		vec4 lo = a_next[2 * i], hi = a_next[2 * i + 1];
#if defined(LINEAR_BACK) && defined(SCALED)
		uint n = r0 + e % (BK / 8) * 8;
		if (n < p.n) {
			[[unroll]] for (uint j = 0; j < 4; j++) {
				lo[j] *= scale_of(n + j);
				hi[j] *= scale_of(n + j + 4);
			}
		}
#endif
		if (AALL % WG == 0 || e < AALL)
			as[e / (BK / 8) * AROW + e % (BK / 8)] = pack(lo * a_unit[i], hi * a_unit[i]);
	}
	[[unroll]] for (uint i = 0; i < BLANE; i++) {
		uint e = LANE + i * WG;
		if (BALL % WG != 0 && e >= BALL) break;
#if defined(BF16) && !defined(HALF) || defined(F16) && defined(HALF)
		uvec4 v = b_next[i].v;
#else
		vec4 lo, hi;
		expand_chunk(b_next[i], lo, hi);
#if defined(HALF) && defined(SCALED) && !defined(INT8)
		uint n = row_of(e, r0, c0);
		float unit = n < p.n ? 1.0 / powers[n] : 0.0;
		lo *= unit;
		hi *= unit;
#endif
		uvec4 v = pack(lo, hi);
#endif
		bs[e / BCHUNKS * BROW + e % BCHUNKS] = v;
	}
}

void main() {
	uint tilesT = (p.t + BM - 1) / BM;
	uint t0 = item() % tilesT * BM, c0 = item() / tilesT * BN;
	uint cols = columns(), total = terms();
	if (c0 >= cols) return;
	uint row0 = gl_SubgroupID / WN * TM * MM, column0 = gl_SubgroupID % WN * TN * MN; // in the tile
	load_table();

	float a_unit[ALANE];
	[[unroll]] for (uint i = 0; i < ALANE; i++) {
#ifdef HALF
		uint t = t0 + (LANE + i * WG) / (BK / 8);
		a_unit[i] = t < p.t ? 1.0 / left_power(t) : 0.0;
#else
		a_unit[i] = 1.0;
#endif
	}

	coopmat<float, gl_ScopeSubgroup, MM, MN, gl_MatrixUseAccumulator> acc[TM * TN];
	[[unroll]] for (uint i = 0; i < TM * TN; i++)
		acc[i] = coopmat<float, gl_ScopeSubgroup, MM, MN, gl_MatrixUseAccumulator>(0.0);

	fetch(t0, 0, c0);
	for (uint r0 = 0; r0 < total; r0 += BK) {
		stage(a_unit, r0, c0);
		barrier();
		if (r0 + BK < total) fetch(t0, r0 + BK, c0);
		[[unroll]] for (uint r = 0; r < BK; r += MK) {
			coopmat<E, gl_ScopeSubgroup, MM, MK, gl_MatrixUseA> a[TM];
			[[unroll]] for (uint i = 0; i < TM; i++)
				coopMatLoad(a[i], as, (row0 + i * MM) * AROW + r / 8, AROW, gl_CooperativeMatrixLayoutRowMajor);
			[[unroll]] for (uint j = 0; j < TN; j++) {
				coopmat<E, gl_ScopeSubgroup, MK, MN, gl_MatrixUseB> b;
#ifdef LINEAR
				coopMatLoad(b, bs, (column0 + j * MN) * BROW + r / 8, BROW, gl_CooperativeMatrixLayoutColumnMajor);
#else
				coopMatLoad(b, bs, r * BROW + (column0 + j * MN) / 8, BROW, gl_CooperativeMatrixLayoutRowMajor);
#endif
				[[unroll]] for (uint i = 0; i < TM; i++)
					acc[i * TN + j] = coopMatMulAdd(a[i], b, acc[i * TN + j]);
			}
		}
		barrier();
	}

	// Only shared memory tells which lane has which element.
	uint first = gl_SubgroupID * MM * MN;
	[[unroll]] for (uint i = 0; i < TM; i++)
		[[unroll]] for (uint j = 0; j < TN; j++) {
			coopMatStore(acc[i * TN + j], cs, first, MN, gl_CooperativeMatrixLayoutRowMajor);
			subgroupBarrier();
			for (uint e = gl_SubgroupInvocationID; e < MM * MN; e += SG) {
				uint t = t0 + row0 + i * MM + e / MN, c = c0 + column0 + j * MN + e % MN;
				if (t < p.t && c < cols) {
					float v = cs[first + e];
#ifdef HALF
					v *= left_power(t);
#endif
					store(t, c, v);
				}
			}
			subgroupBarrier();
		}
}
