// peak: y[i] = sum of 32 chains of v = v/2 + 1, each 2*turns long, that begin with 0 to 31, plus one where i is odd
// variants: peak
#version 450
#include "lib.glsl"

layout(push_constant) uniform Peak { uint items_, turns, precision_; } p;
OUT(0, float, y);

void main() {
	uint i = item();
	if (i >= p.items_) return;
	// Chains of their own hide the time that one multiply-add takes. They differ, and differ between invocations, so
	// that no compiler makes one of two.
	vec4 a[8];
	[[unroll]] for (uint j = 0; j < 8; j++) a[j] = float(4 * j + i % 2) + vec4(0.0, 1.0, 2.0, 3.0);
	for (uint t = 0; t < p.turns; t++) {
		[[unroll]] for (uint j = 0; j < 16; j++) a[j % 8] = a[j % 8] * 0.5 + 1.0;
	}
	vec4 sum = vec4(0.0);
	[[unroll]] for (uint j = 0; j < 8; j++) sum += a[j];
	y[i] = sum.x + sum.y + sum.z + sum.w;
}
