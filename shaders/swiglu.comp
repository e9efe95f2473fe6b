// swiglu: y = a*s*b, s = sigmoid(a), with a|b side by side; swiglu_back: da = dy*b*s*(1+a*(1-s)), db = dy*a*s
// variants: swiglu swiglu_back
#version 450
#include "lib.glsl"

layout(push_constant) uniform SwiGLU { uint t, f; } p;

#ifdef SWIGLU

OUT(0, float, y);
IN(1, float, x);

void main() {
	uint n = p.t * p.f;
	for (uint i = item(); i < n; i += items()) {
		uint at = i / p.f * p.f + i; // a's place in x: rows are twice as long there
		float a = x[at];
		y[i] = a * sigmoid(a) * x[at + p.f];
	}
}

#else

OUT(0, float, dx);
IN(1, float, dy);
IN(2, float, x);

void main() {
	uint n = p.t * p.f;
	for (uint i = item(); i < n; i += items()) {
		uint at = i / p.f * p.f + i;
		float a = x[at], b = x[at + p.f], s = sigmoid(a), d = dy[i];
		dx[at] = d * b * s * (1.0 + a * (1.0 - s));
		dx[at + p.f] = d * a * s;
	}
}

#endif
