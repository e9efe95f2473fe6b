// attention_back_q: dq = scale*sum_s ds*k, delta = dy.y; attention_back_kv: dv = sum_t prob*dy, dk = scale*sum_t ds*q;
// with prob = exp(score-lse), ds = prob*(dy.v - delta)
// variants: attention_back_q attention_back_kv x - vec x - group
#version 450
#include "lib.glsl"
#include "head.glsl"

layout(push_constant) uniform Attention {
	uint t, s, heads, kvHeads, d, qStride, qOff, kvStride, kOff, vOff;
	float scale;
	uint precision_;
} p;

#ifdef ATTENTION_BACK_Q

OUT(0, E, dx);
OUT(1, float, delta);
IN(2, E, dy);
IN(3, E, y);
IN(4, float, lse);
IN(5, E, x);
IN(6, ivec2, bounds);

// An item is a query of one head.
void main() {
	uint t = item() % p.t, h = item() / p.t;
	if (h >= p.heads) return;
	uint g = h / (p.heads / p.kvHeads), row = t * p.heads + h;
	uint lo = uint(max(bounds[t].x, 0)), hi = min(uint(max(bounds[t].y, 0)), p.s);
	uint qAt = (t * p.qStride + p.qOff) / PER + h * DE;

	E query[DE], grad[DE], acc[DE];
	float dots = 0.0, norm = lse[row];
	EACH(d) {
		query[d] = x[qAt + d];
		grad[d] = dy[row * DE + d];
		dots += dot(grad[d], y[row * DE + d]);
		acc[d] = E(0.0);
	}
	for (uint s = lo + LANE; s < hi; s += LANES) {
		uint kAt = (s * p.kvStride + p.kOff) / PER + g * DE;
		uint vAt = (s * p.kvStride + p.vOff) / PER + g * DE;
		E key[DE];
		float score = 0.0, dprob = 0.0;
		EACH(d) {
			key[d] = x[kAt + d];
			score += dot(query[d], key[d]);
			dprob += dot(grad[d], x[vAt + d]);
		}
		float ds = exp(score * p.scale - norm) * (dprob - dots) * p.scale;
		EACH(d) acc[d] += ds * key[d];
	}
	EACH(d) {
		E v = all_sum(acc[d]);
		if (LANE == 0u) dx[qAt + d] = v;
	}
	if (LANE == 0u) delta[row] = dots;
}

#else

OUT(0, E, dx);
IN(1, E, dy);
IN(2, float, lse);
IN(3, float, delta);
IN(4, E, x);
IN(5, ivec2, users);

// An item is a key of one key/value head; it sums over the queries that used it, in each head of the group.
void main() {
	uint s = item() % p.s, g = item() / p.s;
	if (g >= p.kvHeads) return;
	uint perGroup = p.heads / p.kvHeads;
	uint lo = uint(max(users[s].x, 0)), hi = min(uint(max(users[s].y, 0)), p.t);
	uint kAt = (s * p.kvStride + p.kOff) / PER + g * DE;
	uint vAt = (s * p.kvStride + p.vOff) / PER + g * DE;

	E key[DE], value[DE], dk[DE], dv[DE];
	EACH(d) {
		key[d] = x[kAt + d];
		value[d] = x[vAt + d];
		dk[d] = E(0.0);
		dv[d] = E(0.0);
	}
	for (uint h = g * perGroup; h < (g + 1) * perGroup; h++) {
		for (uint t = lo + LANE; t < hi; t += LANES) {
			uint row = t * p.heads + h;
			uint qAt = (t * p.qStride + p.qOff) / PER + h * DE;
			E query[DE], grad[DE];
			float score = 0.0, dprob = 0.0;
			EACH(d) {
				query[d] = x[qAt + d];
				grad[d] = dy[row * DE + d];
				score += dot(query[d], key[d]);
				dprob += dot(grad[d], value[d]);
			}
			float prob = exp(score * p.scale - lse[row]);
			float ds = prob * (dprob - delta[row]) * p.scale;
			EACH(d) {
				dk[d] += ds * query[d];
				dv[d] += prob * grad[d];
			}
		}
	}
	EACH(d) {
		E k = all_sum(dk[d]), v = all_sum(dv[d]);
		if (LANE == 0u) {
			dx[kAt + d] = k;
			dx[vAt + d] = v;
		}
	}
}

#endif
