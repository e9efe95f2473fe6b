// argmax: y[i] = index of the largest element of row i, the lowest among equals; NaN is larger than all
// variants: argmax x - group
#version 450
#include "lib.glsl"

layout(push_constant) uniform ArgMax { uint rows, cols; } p;

OUT(0, int, y);
IN(1, float, x);

#define NONE 0xffffffffu

// The bits decide what is a NaN: a compiler may assume that comparisons meet none.
bool is_nan(float v) { return (floatBitsToUint(v) & 0x7fffffffu) > 0x7f800000u; }

// beats reports whether a at index i is to be preferred to b at j.
bool beats(float a, uint i, float b, uint j) {
	if (i == NONE || j == NONE) return j == NONE && i != NONE;
	if (is_nan(a) || is_nan(b)) return is_nan(a) && (!is_nan(b) || i < j);
	return a > b || (a == b && i < j);
}

#ifdef GROUP
shared uint at[WG];
#endif

void main() {
	uint row = item();
	if (row >= p.rows) return;
	float best = 0.0;
	uint index = NONE;
	for (uint c = LANE; c < p.cols; c += CHUNK * LANES) {
		[[unroll]] for (uint j = 0; j < CHUNK; j++) {
			uint i = min(c + j * LANES, p.cols - 1); // the last column may come again: it does not beat itself
			float v = x[row * p.cols + i];
			if (beats(v, i, best, index)) {
				best = v;
				index = i;
			}
		}
	}
#ifdef GROUP
	scratch[LANE] = best;
	at[LANE] = index;
	barrier();
	for (uint s = WG / 2; s > 0; s >>= 1) {
		if (LANE < s && beats(scratch[LANE + s], at[LANE + s], scratch[LANE], at[LANE])) {
			scratch[LANE] = scratch[LANE + s];
			at[LANE] = at[LANE + s];
		}
		barrier();
	}
	index = at[0];
#endif
	if (LANE == 0u) y[row] = int(index);
}
