// sum: y = scale*sum x; sum_parts: part[i] = sum of every items-th x from i on; sum_rows: y[n] = sum_t x[t, off+n]
// variants: sum sum_rows x - group; sum_parts
#version 450
#include "lib.glsl"

// Sums of many terms are made in two steps, of parts and of their sum, so that no chain of additions is long: neither
// its rounding errors nor its time.

#if defined(SUM)

layout(push_constant) uniform Sum { uint n; } p;
OUT(0, float, y);
IN(1, float, x);
IN(2, float, scale);

void main() {
	if (item() > 0u) return;
	float sum = 0.0;
	for (uint i = LANE; i < p.n; i += LANES) sum += x[i];
	sum = all_sum(sum);
	if (LANE == 0u) y[0] = scale[0] * sum;
}

#elif defined(SUM_PARTS)

layout(push_constant) uniform SumParts { uint n, parts; } p;
OUT(0, float, part);
IN(1, float, x);

void main() {
	uint first = item();
	if (first >= p.parts) return;
	float sum = 0.0;
	for (uint i = first; i < p.n; i += p.parts) sum += x[i];
	part[first] = sum;
}

#else

layout(push_constant) uniform SumRows { uint t, n, stride, off; } p;
OUT(0, float, y);
IN(1, float, x);

void main() {
	uint n = item();
	if (n >= p.n) return;
	float sum = 0.0;
	for (uint t = LANE; t < p.t; t += LANES) sum += x[t * p.stride + p.off + n];
	sum = all_sum(sum);
	if (LANE == 0u) y[n] = sum;
}

#endif
