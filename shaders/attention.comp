// attention: y = softmax(scale*q*k^T over the keys lo ... hi-1)*v, lse = log of the sum of exponentials of the scores
// variants: attention x - vec x - group
#version 450
#include "lib.glsl"
#include "head.glsl"

layout(push_constant) uniform Attention {
	uint t, s, heads, kvHeads, d, qStride, qOff, kvStride, kOff, vOff;
	float scale;
	uint precision_;
} p;

OUT(0, E, y);
OUT(1, float, lse);
IN(2, E, q);
IN(3, E, kv);
IN(4, ivec2, bounds);

// An item is a query of one head; neighbours are queries of the same head and read the same keys. The softmax is
// taken as the keys pass: top is the largest score so far, and what was summed is rescaled when it grows.
void main() {
	uint t = item() % p.t, h = item() / p.t;
	if (h >= p.heads) return;
	uint g = h / (p.heads / p.kvHeads);
	uint lo = uint(max(bounds[t].x, 0)), hi = min(uint(max(bounds[t].y, 0)), p.s);
	uint qAt = (t * p.qStride + p.qOff) / PER + h * DE;

	E query[DE], acc[DE];
	EACH(d) {
		query[d] = q[qAt + d];
		acc[d] = E(0.0);
	}
	float top = LOWEST, sum = 0.0;
	for (uint s = lo + LANE; s < hi; s += LANES) {
		uint kAt = (s * p.kvStride + p.kOff) / PER + g * DE;
		uint vAt = (s * p.kvStride + p.vOff) / PER + g * DE;
		float score = 0.0;
		EACH(d) score += dot(query[d], kv[kAt + d]);
		score *= p.scale;
		if (score > top) {
			float shrink = exp(top - score);
			sum *= shrink;
			EACH(d) acc[d] *= shrink;
			top = score;
		}
		float e = exp(score - top);
		sum += e;
		EACH(d) acc[d] += e * kv[vAt + d];
	}

#ifdef GROUP
	float all_top = all_max(top), shrink = exp(top - all_top);
	top = all_top;
	sum = all_sum(sum * shrink);
	EACH(d) acc[d] = all_sum(acc[d] * shrink);
	if (LANE != 0u) return;
#endif
	uint yAt = (t * p.heads + h) * DE;
	bool none = lo >= hi;
	EACH(d) y[yAt + d] = none ? E(0.0) : acc[d] / sum;
	lse[t * p.heads + h] = none ? -INF : top + log(sum);
}
