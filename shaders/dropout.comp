// dropout: y[i] = word(i) >= drop ? x[i]*keepScale : 0, with word(i) from Philox 2x32-10
// variants: dropout
#version 450
#include "lib.glsl"

layout(push_constant) uniform Dropout { uint n, site, drop, pairs; float keepScale; } p;

OUT(0, float, y);
IN(1, float, x);
IN(2, uint, key); // seed, step, rows before the first

// philox is Philox 2x32 with ten rounds (Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, 2011).
uvec2 philox(uvec2 counter, uint k) {
	for (int i = 0; i < 10; i++) {
		uint hi, lo;
		umulExtended(0xD256D193u, counter.x, hi, lo);
		counter = uvec2(hi ^ k ^ counter.y, lo);
		k += 0x9E3779B9u;
	}
	return counter;
}

void main() {
	uint k = key[0] ^ (key[1] * 0x9E3779B9u), blocks = p.n / 2 + p.n % 2;
	for (uint i = item(); i < blocks; i += items()) {
		uvec2 word = philox(uvec2(i + key[2] * p.pairs, p.site), k);
		y[2 * i] = word.x >= p.drop ? x[2 * i] * p.keepScale : 0.0;
		if (2 * i + 1 < p.n) y[2 * i + 1] = word.y >= p.drop ? x[2 * i + 1] * p.keepScale : 0.0;
	}
}
