// row_scale: s[to+i] = 2^(e-14), where 2^e is the power of two at or below max_c |x[i,c]*f[c]|
// variants: row_scale x f32 bf16 x - group
#version 450
#include "lib.glsl"

// What is divided by s fits float16 and keeps as many of the row's smaller elements from its least exponents as can be.
// A row without a power in range, as of zeros, or of an infinity, is divided by the nearest there is.
layout(push_constant) uniform RowScale { uint rows, cols, stride, off, to, factors; } p;

OUT(0, float, s);
#define W_BINDING 1
#include "weight.glsl"
IN(W_NEXT, float, f);

void main() {
	uint row = item();
	if (row >= p.rows) return;
	uint at = row * p.stride + p.off;
	float most = 0.0;
	for (uint c = LANE; c < p.cols; c += LANES) {
		float v = weight(at + c);
		most = max(most, abs(p.factors != 0u ? v * f[c] : v));
	}
	most = all_max(most);
	uint e = clamp(floatBitsToUint(most) >> 23, 15u, 254u) - 14u;
	if (LANE == 0u) s[p.to + row] = uintBitsToFloat(e << 23);
}
