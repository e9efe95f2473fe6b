// cache_write: cache[slot[t]] = x[t, off ... off+cols-1]; rows with a negative slot are not written
// variants: cache_write
#version 450
#include "lib.glsl"

layout(push_constant) uniform CacheWrite { uint t, cols, stride, off; } p;

OUT(0, float, cache);
IN(1, float, x);
IN(2, int, slot);

void main() {
	uint n = p.t * p.cols, slots = cache.length() / p.cols;
	for (uint i = item(); i < n; i += items()) {
		uint t = i / p.cols, c = i % p.cols;
		int to = slot[t];
		if (to >= 0 && uint(to) < slots) cache[uint(to) * p.cols + c] = x[t * p.stride + p.off + c];
	}
}
