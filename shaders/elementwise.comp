// add: a += b; add_bias: x[t,off+n] += b[n]; scale: x *= k; copy: y = x; accumulate: sum = (keep == 0 ? 0 : sum) + g
// variants: add add_bias scale copy accumulate
#version 450
#include "lib.glsl"

#if defined(ADD)

layout(push_constant) uniform Add { uint n; } p;
INOUT(0, float, a);
IN(1, float, b);

void main() {
	for (uint i = item(); i < p.n; i += items()) a[i] += b[i];
}

#elif defined(ADD_BIAS)

layout(push_constant) uniform AddBias { uint t, n, stride, off; } p;
INOUT(0, float, x);
IN(1, float, b);

void main() {
	uint total = p.t * p.n;
	for (uint i = item(); i < total; i += items()) x[i / p.n * p.stride + p.off + i % p.n] += b[i % p.n];
}

#elif defined(SCALE)

layout(push_constant) uniform Scale { uint n; float k; } p;
INOUT(0, float, x);

void main() {
	for (uint i = item(); i < p.n; i += items()) x[i] *= p.k;
}

#elif defined(COPY)

layout(push_constant) uniform Copy { uint n; } p;
OUT(0, uint, y);
IN(1, uint, x);

void main() {
	for (uint i = item(); i < p.n; i += items()) y[i] = x[i];
}

#else

layout(push_constant) uniform Accumulate { uint n; } p;
INOUT(0, float, sum);
IN(1, float, g);
IN(2, float, keep);

void main() {
	bool fresh = keep[0] == 0.0;
	for (uint i = item(); i < p.n; i += items()) sum[i] = fresh ? g[i] : sum[i] + g[i];
}

#endif
