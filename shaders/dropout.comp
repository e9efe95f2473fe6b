// dropout: y[i] = word(i) >= drop ? x[i]*keepScale : 0; noise: x[i] += amplitude[row]*u(i), u uniform in [-1, 1);
// with word(i) and u(i) from Philox 2x32-10
// variants: dropout noise
#version 450
#include "lib.glsl"

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

#if defined(DROPOUT)

layout(push_constant) uniform Dropout { uint n, site, drop, pairs; float keepScale; } p;
OUT(0, float, y);
IN(1, float, x);
IN(2, uint, key); // seed, step, rows before the first

void main() {
	uint k = key[0] ^ (key[1] * 0x9E3779B9u), blocks = p.n / 2 + p.n % 2;
	for (uint i = item(); i < blocks; i += items()) {
		uvec2 word = philox(uvec2(i + key[2] * p.pairs, p.site), k);
		y[2 * i] = word.x >= p.drop ? x[2 * i] * p.keepScale : 0.0;
		if (2 * i + 1 < p.n) y[2 * i + 1] = word.y >= p.drop ? x[2 * i + 1] * p.keepScale : 0.0;
	}
}

#else

layout(push_constant) uniform Noise { uint rows, cols, site; } p;
INOUT(0, float, x);
IN(1, uint, key);
IN(2, float, amplitude);

// uniform_of has 24 of the word's bits: each of its values is a float.
float uniform_of(uint word) { return float(word >> 8) * (1.0 / 8388608.0) - 1.0; }

void main() {
	uint k = key[0] ^ (key[1] * 0x9E3779B9u), n = p.rows * p.cols, pairs = n / 2 + n % 2;
	for (uint i = item(); i < pairs; i += items()) {
		uvec2 word = philox(uvec2(i + key[2] * ((p.cols + 1) / 2), p.site), k);
		x[2 * i] += amplitude[2 * i / p.cols] * uniform_of(word.x);
		if (2 * i + 1 < n) x[2 * i + 1] += amplitude[(2 * i + 1) / p.cols] * uniform_of(word.y);
	}
}

#endif
