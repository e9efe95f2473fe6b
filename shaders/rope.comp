// rope: (x[i], x[i+d/2]) = (x[i]*cos - x[i+d/2]*sin, x[i+d/2]*cos + x[i]*sin) in every head, in place; inverse: -sin
// variants: rope
#version 450
#include "lib.glsl"

layout(push_constant) uniform RoPE { uint t, heads, d, stride, inverse; } p;

INOUT(0, float, x);
IN(1, int, pos);
IN(2, float, table); // a row per position: d/2 cosines, then d/2 sines

void main() {
	uint pairs = p.d / 2, perToken = p.heads * pairs, n = p.t * perToken;
	uint positions = table.length() / p.d;
	for (uint i = item(); i < n; i += items()) {
		uint t = i / perToken, in_row = i % perToken;
		uint at = t * p.stride + in_row / pairs * p.d + in_row % pairs;
		int position = pos[t];
		if (position < 0 || uint(position) >= positions) continue;
		uint row = uint(position) * p.d + in_row % pairs;
		float c = table[row], s = table[row + pairs];
		if (p.inverse != 0u) s = -s;
		float a = x[at], b = x[at + pairs];
		x[at] = a * c - b * s;
		x[at + pairs] = b * c + a * s;
	}
}
