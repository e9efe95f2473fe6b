// grad_norm_parts: part[i] = (sum of the squares of every items-th g from i on, any of them not finite);
// grad_norm_total: stats = (norm of g, min(1, max/(norm+1e-6)), any not finite, 0); clip: g *= stats[1];
// adamw: p -= lr*decay*p, m = b1*m + (1-b1)*g, v = b2*v + (1-b2)*g*g, p -= lr/bias1 * m/(sqrt(v)/bias2root + eps)
// sgd: p -= lr*d with d = g + decay*p; sgd_momentum: m = b1*m + rest1*d, p -= lr*m, or nesterov's p -= lr*(d + b1*m)
// lion: p -= lr*decay*p, p -= lr*sign(b1*m + (1-b1)*g), m = b2*m + (1-b2)*g
// variants: grad_norm_total x - group; grad_norm_parts clip adamw sgd sgd_momentum lion
#version 450
#include "lib.glsl"

// hyper, as in package kernel.
const uint LR = 0, BETA1 = 1, BETA2 = 2, EPS = 3, DECAY = 4, BIAS1 = 5;
const uint BIAS2_ROOT = 6, MAX_NORM = 7, REST1 = 8, REST2 = 9;

#if defined(GRAD_NORM_PARTS)

layout(push_constant) uniform GradNormParts { uint n, parts; } p;
OUT(0, vec2, part);
IN(1, float, g);

void main() {
	uint first = item();
	if (first >= p.parts) return;
	float sum = 0.0, bad = 0.0;
	for (uint i = first; i < p.n; i += p.parts) {
		float v = g[i];
		sum += v * v;
		if (!finite(v)) bad = 1.0;
	}
	part[first] = vec2(sum, bad);
}

#elif defined(GRAD_NORM_TOTAL)

layout(push_constant) uniform GradNormTotal { uint parts; } p;
OUT(0, float, stats);
IN(1, vec2, part);
IN(2, float, hyper);

void main() {
	if (item() > 0u) return;
	float sum = 0.0, bad = 0.0;
	for (uint i = LANE; i < p.parts; i += LANES) {
		sum += part[i].x;
		bad = max(bad, part[i].y);
	}
	sum = all_sum(sum);
	bad = all_max(bad);
	if (LANE != 0u) return;
	// What the hardware's square root makes of an overflow is not certain.
	float norm = finite(sum) ? sqrt(sum) : sum, limit = hyper[MAX_NORM];
	float coefficient = 1.0;
	if (finite(limit)) {
		coefficient = finite(norm) ? min(1.0, limit / (norm + 1e-6)) : norm > 0.0 ? 0.0 : norm;
	}
	stats[0] = norm;
	stats[1] = coefficient;
	stats[2] = bad;
	stats[3] = 0.0;
}

#elif defined(CLIP)

layout(push_constant) uniform Clip { uint n; } p;
INOUT(0, float, g);
IN(1, float, stats);

void main() {
	float k = stats[1];
	for (uint i = item(); i < p.n; i += items()) g[i] *= k;
}

#elif defined(SGD)

layout(push_constant) uniform SGDPlain { uint n, decay; } p;
INOUT(0, float, param);
IN(1, float, g);
IN(2, float, hyper);

void main() {
	for (uint i = item(); i < p.n; i += items()) {
		float d = g[i], value = param[i];
		if (i < p.decay) d += hyper[DECAY] * value;
		param[i] = value - hyper[LR] * d;
	}
}

#elif defined(SGD_MOMENTUM)

layout(push_constant) uniform SGDMomentum { uint n, decay, nesterov; } p;
INOUT(0, float, param);
INOUT(1, float, m);
IN(2, float, g);
IN(3, float, hyper);

void main() {
	float beta = hyper[BETA1];
	for (uint i = item(); i < p.n; i += items()) {
		float d = g[i], value = param[i];
		if (i < p.decay) d += hyper[DECAY] * value;
		float first = beta * m[i] + hyper[REST1] * d;
		m[i] = first;
		param[i] = value - hyper[LR] * (p.nesterov != 0u ? d + beta * first : first);
	}
}

#elif defined(LION)

layout(push_constant) uniform Lion { uint n, decay; } p;
INOUT(0, float, param);
INOUT(1, float, m);
IN(2, float, g);
IN(3, float, hyper);

void main() {
	float lr = hyper[LR];
	for (uint i = item(); i < p.n; i += items()) {
		float d = g[i], old = m[i], value = param[i];
		if (i < p.decay) value -= lr * hyper[DECAY] * value;
		m[i] = hyper[BETA2] * old + hyper[REST2] * d;
		param[i] = value - lr * sign(hyper[BETA1] * old + hyper[REST1] * d);
	}
}

#else

layout(push_constant) uniform AdamW { uint n, decay; } p;
INOUT(0, float, param);
INOUT(1, float, m);
INOUT(2, float, v);
IN(3, float, g);
IN(4, float, hyper);

void main() {
	float lr = hyper[LR], beta1 = hyper[BETA1], beta2 = hyper[BETA2];
	for (uint i = item(); i < p.n; i += items()) {
		float d = g[i], value = param[i];
		float first = beta1 * m[i] + hyper[REST1] * d;
		float second = beta2 * v[i] + hyper[REST2] * d * d;
		if (i < p.decay) value -= lr * hyper[DECAY] * value;
		m[i] = first;
		v[i] = second;
		param[i] = value - lr / hyper[BIAS1] * first / (sqrt(second) / hyper[BIAS2_ROOT] + hyper[EPS]);
	}
}

#endif
