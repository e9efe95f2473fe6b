// attention, attention_back_q, attention_back_kv: as in attention.comp and attention_back.comp, by tiles of queries and
// keys in shared memory
// variants: attention attention_back_q attention_back_kv x vec x tiles
#version 450
#define GROUP
#include "lib.glsl"

layout(constant_id = 1) const uint DE = 16; // vectors of four in a head

layout(push_constant) uniform Attention {
	uint t, s, heads, kvHeads, d, qStride, qOff, kvStride, kOff, vOff;
	float scale;
	uint precision_;
} p;

#ifdef ATTENTION
OUT(0, vec4, y);
OUT(1, float, lse);
IN(2, vec4, q);
IN(3, vec4, kv);
IN(4, ivec2, bounds);
#elif defined(ATTENTION_BACK_Q)
OUT(0, vec4, dx);
OUT(1, float, delta);
IN(2, vec4, dy);
IN(3, vec4, y);
IN(4, float, lse);
IN(5, vec4, x);
IN(6, ivec2, bounds);
#else
OUT(0, vec4, dx);
IN(1, vec4, dy);
IN(2, float, lse);
IN(3, float, delta);
IN(4, vec4, x);
IN(5, ivec2, bounds); // users
#endif

// A workgroup has a tile of BR rows on the left, which stays, and goes through tiles of BR rows on the right: queries
// and keys, or for the gradient of keys, keys and queries. A query row is a pair of a query and one of the heads that
// share the key/value head, so that all of them use what is staged once. Of the BR x BR weights the 8 x 8 lanes
// (WG = 64) have 4 x 4 each: lane (row, column) has the left rows row, row+8, ... and the right rows column, column+8,
// ...; of a result, the same left rows and the vectors column, column+8, ... of a head.
//
// Rows are staged BE vectors at a time, so that what is staged does not depend on the head size. They are one vector
// longer, so that those of neighbours begin in different banks.
const uint BR = 32, BE = 8, PITCH = BE + 1, TILE = BR * PITCH;
const uint NE = (DE + BE - 1) / BE, RESULTS = 4 * NE; // vectors of a result that a lane has of a row, and in all
const uint NONE = ~0u; // the place of a row that is not there, and is staged as zeros

shared vec4 tiles[2 * TILE];
shared vec4 weights[TILE]; // in a row, those of right rows c, c+8, ... are vector c
shared float partial[BR * 8];
shared uvec2 ranges[BR];

uint row, column;
uint group, perGroup; // key/value head, query heads that share it

#define QUERY 0
#define KEY 1
#define VALUE 2
#define GRAD 3

// load returns vector i of the tensor that holds rows of a kind.
vec4 load(uint kind, uint i) {
#ifdef ATTENTION
	return kind == QUERY ? q[i] : kv[i];
#else
	return kind == GRAD ? dy[i] : x[i];
#endif
}

uint token(uint a) { return a / perGroup; }
uint place(uint a) { return token(a) * p.heads + group * perGroup + a % perGroup; } // in [T, Heads]

// start returns where row i of a kind begins, if i < end.
uint start(uint kind, uint i, uint end) {
	if (i >= end) return NONE;
	if (kind == QUERY) return (token(i) * p.qStride + p.qOff) / 4 + (group * perGroup + i % perGroup) * DE;
	if (kind == GRAD) return place(i) * DE;
	return (i * p.kvStride + (kind == KEY ? p.kOff : p.vOff)) / 4 + group * DE;
}

// Rows is where the rows of a tile begin that the lane stages: row, row+8, ...
struct Rows { uint at[4]; };
Rows rows(uint kind, uint first, uint end) {
	Rows r;
	[[unroll]] for (uint i = 0; i < 4; i++) r.at[i] = start(kind, first + i * 8 + row, end);
	return r;
}

// stage copies vectors e0 ... of rows to a tile.
void stage(uint tile, uint kind, Rows r, uint e0) {
	uint e = e0 + column;
	[[unroll]] for (uint i = 0; i < 4; i++) {
		bool inside = r.at[i] != NONE && e < DE;
		tiles[tile * TILE + (i * 8 + row) * PITCH + column] = inside ? load(kind, r.at[i] + e) : vec4(0.0);
	}
}

// dots returns the products of left rows and right rows that are the lane's.
float[16] dots(uint leftKind, Rows left, uint rightKind, Rows right) {
	float sums[16];
	[[unroll]] for (uint i = 0; i < 16; i++) sums[i] = 0.0;
	for (uint e0 = 0; e0 < DE; e0 += BE) {
		barrier(); // the readers of the last tiles are done
		stage(0, leftKind, left, e0);
		stage(1, rightKind, right, e0);
		barrier();
		for (uint e = 0; e < BE; e++) {
			vec4 a[4], b[4];
			[[unroll]] for (uint i = 0; i < 4; i++) {
				a[i] = tiles[(i * 8 + row) * PITCH + e];
				b[i] = tiles[TILE + (i * 8 + column) * PITCH + e];
			}
			[[unroll]] for (uint i = 0; i < 4; i++)
				[[unroll]] for (uint j = 0; j < 4; j++) sums[i * 4 + j] += dot(a[i], b[j]);
		}
	}
	return sums;
}

// weigh adds the right rows, times the weights of which w are the lane's, to the left rows of acc. The weight of what a
// row does not see, but others of its tile do, is zero, so that only finite rows stay without effect.
void weigh(float w[16], uint kind, Rows right, inout vec4 acc[RESULTS]) {
	barrier(); // the readers of the last tiles and weights are done
	[[unroll]] for (uint i = 0; i < 4; i++)
		weights[(i * 8 + row) * PITCH + column] = vec4(w[i * 4], w[i * 4 + 1], w[i * 4 + 2], w[i * 4 + 3]);
	[[unroll]] for (uint n = 0; n < NE; n += 2) {
		bool two = n + 1 < NE;
		if (n > 0) barrier();
		stage(0, kind, right, n * BE);
		if (two) stage(1, kind, right, n * BE + BE);
		barrier();
		for (uint k = 0; k < 8; k++) {
			vec4 a[4];
			[[unroll]] for (uint i = 0; i < 4; i++) a[i] = weights[(i * 8 + row) * PITCH + k];
			[[unroll]] for (uint j = 0; j < 4; j++) {
				uint at = (j * 8 + k) * PITCH + column;
				vec4 v = tiles[at];
				[[unroll]] for (uint i = 0; i < 4; i++) acc[i * NE + n] += a[i][j] * v;
				if (two) {
					v = tiles[TILE + at];
					[[unroll]] for (uint i = 0; i < 4; i++) acc[i * NE + n + 1] += a[i][j] * v;
				}
			}
		}
	}
}

// sum_row returns the sum over the lanes of a row, and max_row the largest.
float[4] sum_row(float v[4]) {
	barrier();
	[[unroll]] for (uint i = 0; i < 4; i++) partial[(i * 8 + row) * 8 + column] = v[i];
	barrier();
	[[unroll]] for (uint i = 0; i < 4; i++) {
		v[i] = 0.0;
		[[unroll]] for (uint c = 0; c < 8; c++) v[i] += partial[(i * 8 + row) * 8 + c];
	}
	return v;
}

float[4] max_row(float v[4]) {
	[[unroll]] for (uint i = 0; i < 4; i++) partial[(i * 8 + row) * 8 + column] = v[i];
	barrier();
	[[unroll]] for (uint i = 0; i < 4; i++)
		[[unroll]] for (uint c = 0; c < 8; c++) v[i] = max(v[i], partial[(i * 8 + row) * 8 + c]);
	return v;
}

// Range is which right rows the lane's left rows see, and from which to which any row of the tile sees some: tiles
// beyond are not visited.
struct Range { uint lo[4], hi[4], first, last; };

bool sees(Range r, uint i, uint right) { return right >= r.lo[i] && right < r.hi[i]; }

// range_of reads the bounds of left rows, of which per neighbours have the same. Bounds are below most, and count times
// right rows each.
Range range_of(uint first, uint end, uint per, uint times, uint most) {
	Range r;
	[[unroll]] for (uint i = 0; i < 4; i++) {
		uint left = first + i * 8 + row;
		ivec2 b = left < end ? bounds[left / per] : ivec2(0);
		r.lo[i] = min(uint(max(b.x, 0)), most) * times;
		r.hi[i] = min(uint(max(b.y, 0)), most) * times;
		if (column == 0) ranges[i * 8 + row] = uvec2(r.lo[i], r.hi[i]);
	}
	barrier();
	r.first = NONE;
	r.last = 0;
	for (uint i = 0; i < BR; i++) {
		uvec2 b = ranges[i];
		if (b.x >= b.y) continue;
		r.first = min(r.first, b.x);
		r.last = max(r.last, b.y);
	}
	return r;
}

void main() {
	row = LANE / 8;
	column = LANE % 8;
	perGroup = p.heads / p.kvHeads;
#ifdef ATTENTION_BACK_KV
	uint end = p.s;
#else
	uint end = p.t * perGroup;
#endif
	uint count = (end + BR - 1) / BR, first = item() % count * BR;
	group = item() / count;
	if (group >= p.kvHeads) return;

#ifndef ATTENTION_BACK_KV
	Range range = range_of(first, end, perGroup, 1, p.s);
	Rows queries = rows(QUERY, first, end), grads = rows(GRAD, first, end);
	vec4 acc[RESULTS];
	[[unroll]] for (uint i = 0; i < RESULTS; i++) acc[i] = vec4(0.0);
#endif

#ifdef ATTENTION

	// The softmax is taken as the keys pass: top is the largest score so far, and what was summed is rescaled when it
	// grows. sum has the lane's own columns only.
	float top[4], sum[4];
	[[unroll]] for (uint i = 0; i < 4; i++) {
		top[i] = LOWEST;
		sum[i] = 0.0;
	}
	for (uint s0 = range.first; s0 < range.last; s0 += BR) {
		float w[16] = dots(QUERY, queries, KEY, rows(KEY, s0, range.last));
		float most[4] = top;
		[[unroll]] for (uint i = 0; i < 16; i++) {
			w[i] *= p.scale;
			if (sees(range, i / 4, s0 + i % 4 * 8 + column)) most[i / 4] = max(most[i / 4], w[i]);
		}
		most = max_row(most);
		[[unroll]] for (uint i = 0; i < 4; i++) {
			float shrink = exp(top[i] - most[i]);
			top[i] = most[i];
			sum[i] *= shrink;
			[[unroll]] for (uint n = 0; n < NE; n++) acc[i * NE + n] *= shrink;
			[[unroll]] for (uint j = 0; j < 4; j++) {
				bool seen = sees(range, i, s0 + j * 8 + column);
				w[i * 4 + j] = seen ? exp(w[i * 4 + j] - top[i]) : 0.0;
				sum[i] += w[i * 4 + j];
			}
		}
		weigh(w, VALUE, rows(VALUE, s0, range.last), acc);
	}
	sum = sum_row(sum);
	[[unroll]] for (uint i = 0; i < 4; i++) {
		uint at = grads.at[i];
		if (at == NONE) continue;
		bool none = range.lo[i] >= range.hi[i];
		[[unroll]] for (uint n = 0; n < NE; n++) {
			uint e = n * BE + column;
			if (e < DE) y[at + e] = none ? vec4(0.0) : acc[i * NE + n] / sum[i];
		}
		if (column == 0) lse[at / DE] = none ? -INF : top[i] + log(sum[i]);
	}

#elif defined(ATTENTION_BACK_Q)

	float norm[4], dotted[4];
	[[unroll]] for (uint i = 0; i < 4; i++) {
		uint at = grads.at[i];
		dotted[i] = norm[i] = 0.0;
		if (at == NONE) continue;
		norm[i] = lse[at / DE];
		[[unroll]] for (uint n = 0; n < NE; n++) {
			uint e = n * BE + column;
			if (e < DE) dotted[i] += dot(dy[at + e], y[at + e]);
		}
	}
	dotted = sum_row(dotted);
	for (uint s0 = range.first; s0 < range.last; s0 += BR) {
		Rows keys = rows(KEY, s0, range.last);
		float w[16] = dots(QUERY, queries, KEY, keys);
		float dprob[16] = dots(GRAD, grads, VALUE, rows(VALUE, s0, range.last));
		[[unroll]] for (uint i = 0; i < 16; i++) {
			float prob = exp(w[i] * p.scale - norm[i / 4]);
			bool seen = sees(range, i / 4, s0 + i % 4 * 8 + column);
			w[i] = seen ? prob * (dprob[i] - dotted[i / 4]) * p.scale : 0.0;
		}
		weigh(w, KEY, keys, acc);
	}
	[[unroll]] for (uint i = 0; i < 4; i++) {
		if (grads.at[i] == NONE) continue;
		[[unroll]] for (uint n = 0; n < NE; n++) {
			uint e = n * BE + column;
			if (e < DE) dx[queries.at[i] + e] = acc[i * NE + n];
		}
		if (column == 0) delta[grads.at[i] / DE] = dotted[i];
	}

#else

	Range range = range_of(first, end, 1, perGroup, p.t);
	Rows keys = rows(KEY, first, end), values = rows(VALUE, first, end);
	vec4 dk[RESULTS], dv[RESULTS];
	[[unroll]] for (uint i = 0; i < RESULTS; i++) dk[i] = dv[i] = vec4(0.0);
	for (uint a0 = range.first; a0 < range.last; a0 += BR) {
		Rows queries = rows(QUERY, a0, range.last), grads = rows(GRAD, a0, range.last);
		float norm[4], dotted[4];
		[[unroll]] for (uint j = 0; j < 4; j++) {
			uint a = min(a0 + j * 8 + column, range.last - 1), at = place(a);
			norm[j] = lse[at];
			dotted[j] = delta[at];
		}
		float prob[16] = dots(KEY, keys, QUERY, queries);
		float w[16] = dots(VALUE, values, GRAD, grads);
		[[unroll]] for (uint i = 0; i < 16; i++) {
			bool seen = sees(range, i / 4, a0 + i % 4 * 8 + column);
			prob[i] = seen ? exp(prob[i] * p.scale - norm[i % 4]) : 0.0;
			w[i] = seen ? prob[i] * (w[i] - dotted[i % 4]) * p.scale : 0.0;
		}
		weigh(prob, GRAD, grads, dv);
		weigh(w, QUERY, queries, dk);
	}
	[[unroll]] for (uint i = 0; i < 4; i++) {
		if (keys.at[i] == NONE) continue;
		[[unroll]] for (uint n = 0; n < NE; n++) {
			uint e = n * BE + column;
			if (e >= DE) continue;
			dx[keys.at[i] + e] = dk[i * NE + n];
			dx[values.at[i] + e] = dv[i * NE + n];
		}
	}

#endif
}
