// rmsnorm: y = x*r*w, r = 1/sqrt(mean(x*x)+eps) per row; add_rmsnorm: the same of h = x+d;
// rmsnorm_back: dx = r*(dy*w) - x*r^3*mean(x*dy*w) (+dh); rmsnorm_back_weight: dw = sum over rows of dy*x*r
// variants: rmsnorm add_rmsnorm rmsnorm_back rmsnorm_back_weight x - group
#version 450
#include "lib.glsl"

#if defined(RMSNORM)

layout(push_constant) uniform RMSNorm { uint rows, cols; float eps; } p;
OUT(0, float, y);
OUT(1, float, r);
IN(2, float, x);
IN(3, float, w);

void main() {
	uint row = item(), at = row * p.cols;
	if (row >= p.rows) return;
	float sum = 0.0;
	for (uint c = LANE; c < p.cols; c += LANES) sum += x[at + c] * x[at + c];
	float scale = 1.0 / sqrt(all_sum(sum) / float(p.cols) + p.eps);
	for (uint c = LANE; c < p.cols; c += LANES) y[at + c] = x[at + c] * scale * w[c];
	if (LANE == 0u) r[row] = scale;
}

#elif defined(ADD_RMSNORM)

layout(push_constant) uniform AddRMSNorm { uint rows, cols; float eps; } p;
OUT(0, float, h);
OUT(1, float, y);
OUT(2, float, r);
IN(3, float, x);
IN(4, float, d);
IN(5, float, w);

void main() {
	uint row = item(), at = row * p.cols;
	if (row >= p.rows) return;
	float sum = 0.0;
	for (uint c = LANE; c < p.cols; c += LANES) {
		float v = x[at + c] + d[at + c];
		h[at + c] = v;
		sum += v * v;
	}
	float scale = 1.0 / sqrt(all_sum(sum) / float(p.cols) + p.eps);
	for (uint c = LANE; c < p.cols; c += LANES) y[at + c] = (x[at + c] + d[at + c]) * scale * w[c];
	if (LANE == 0u) r[row] = scale;
}

#elif defined(RMSNORM_BACK)

layout(push_constant) uniform RMSNormBack { uint rows, cols, add; } p;
OUT(0, float, dx);
IN(1, float, dy);
IN(2, float, x);
IN(3, float, w);
IN(4, float, r);
IN(5, float, dh);

void main() {
	uint row = item(), at = row * p.cols;
	if (row >= p.rows) return;
	float sum = 0.0, scale = r[row];
	for (uint c = LANE; c < p.cols; c += LANES) sum += x[at + c] * dy[at + c] * w[c];
	float k = scale * scale * scale * (all_sum(sum) / float(p.cols));
	for (uint c = LANE; c < p.cols; c += LANES) {
		float v = scale * (dy[at + c] * w[c]) - x[at + c] * k;
		dx[at + c] = v + (p.add != 0u ? dh[at + c] : 0.0);
	}
}

#else

layout(push_constant) uniform RMSNormBackWeight { uint rows, cols; } p;
OUT(0, float, dw);
IN(1, float, dy);
IN(2, float, x);
IN(3, float, r);

void main() {
	uint c = item();
	if (c >= p.cols) return;
	float sum = 0.0;
	for (uint row = LANE; row < p.rows; row += LANES) sum += dy[row * p.cols + c] * x[row * p.cols + c] * r[row];
	sum = all_sum(sum);
	if (LANE == 0u) dw[c] = sum;
}

#endif
