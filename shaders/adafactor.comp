// adafactor_means: row = b2*row + (1-b2)*(mean of g*g + eps), of each row and each column; adafactor_parts: of each row
// the sums of u*u and p*p, u = g/sqrt(row*col); adafactor_rate: lr*scale, and that by which u changes p;
// adafactor_step: p -= decay*rate[1]*p, p -= rate[0]*u; adafactor_momentum: m = b1*m + (1-b1)*rate[0]*u in its place
// variants: adafactor_means adafactor_parts adafactor_rate x - group; adafactor_step adafactor_momentum
#version 450
#include "lib.glsl"

// hyper, as in package kernel.
const uint LR = 0, BETA1 = 1, BETA2 = 2, EPS = 3, DECAY = 4, REST1 = 8, REST2 = 9, LEAST = 10, CLIP = 11;

#if defined(ADAFACTOR_MEANS)

layout(push_constant) uniform AdafactorMeans { uint rows, cols; } p;
INOUT(0, float, row);
INOUT(1, float, col);
IN(2, float, g);
IN(3, float, hyper);

void main() {
	uint k = item();
	if (k >= p.rows + p.cols) return;
	bool of_row = k < p.rows;
	uint first = of_row ? k * p.cols : k - p.rows, step = of_row ? 1 : p.cols, n = of_row ? p.cols : p.rows;
	float sum = 0.0;
	for (uint i = LANE; i < n; i += LANES) {
		float d = g[first + i * step];
		sum += d * d;
	}
	float mean = all_sum(sum) / float(n) + hyper[EPS];
	if (LANE != 0u) return;
	if (of_row) row[k] = hyper[BETA2] * row[k] + hyper[REST2] * mean;
	else col[first] = hyper[BETA2] * col[first] + hyper[REST2] * mean;
}

#elif defined(ADAFACTOR_PARTS)

layout(push_constant) uniform AdafactorParts { uint rows, cols; } p;
OUT(0, float, part);
IN(1, float, param);
IN(2, float, g);
IN(3, float, row);
IN(4, float, col);

void main() {
	uint k = item();
	if (k >= p.rows) return;
	float updates = 0.0, values = 0.0, root = sqrt(row[k]);
	for (uint i = LANE; i < p.cols; i += LANES) {
		float u = g[k * p.cols + i] / (root * sqrt(col[i])), value = param[k * p.cols + i];
		updates += u * u;
		values += value * value;
	}
	updates = all_sum(updates);
	values = all_sum(values);
	if (LANE != 0u) return;
	part[3 * k] = updates;
	part[3 * k + 1] = values;
	part[3 * k + 2] = row[k];
}

#elif defined(ADAFACTOR_RATE)

layout(push_constant) uniform AdafactorRate { uint rows, cols; } p;
OUT(0, float, rate);
IN(1, float, part);
IN(2, float, hyper);

void main() {
	if (item() > 0u) return;
	float updates = 0.0, values = 0.0, mean = 0.0;
	for (uint i = LANE; i < p.rows; i += LANES) {
		updates += part[3 * i];
		values += part[3 * i + 1];
		mean += part[3 * i + 2];
	}
	updates = all_sum(updates);
	values = all_sum(values);
	mean = all_sum(mean) / float(p.rows);
	if (LANE != 0u) return;
	float n = float(p.rows) * float(p.cols), lr = hyper[LR], least = hyper[LEAST];
	if (least > 0.0) lr *= max(least, sqrt(values / n));
	rate[0] = lr * sqrt(mean) / max(1.0, sqrt(mean) * sqrt(updates / n) / hyper[CLIP]);
	rate[1] = lr;
}

#elif defined(ADAFACTOR_STEP)

layout(push_constant) uniform AdafactorStep { uint rows, cols, decay; } p;
INOUT(0, float, param);
IN(1, float, g);
IN(2, float, row);
IN(3, float, col);
IN(4, float, rate);
IN(5, float, hyper);

void main() {
	for (uint i = item(); i < p.rows * p.cols; i += items()) {
		float value = param[i];
		if (p.decay != 0u) value -= hyper[DECAY] * rate[1] * value;
		param[i] = value - rate[0] * (g[i] / (sqrt(row[i / p.cols]) * sqrt(col[i % p.cols])));
	}
}

#else

layout(push_constant) uniform AdafactorMomentum { uint rows, cols, decay; } p;
INOUT(0, float, param);
INOUT(1, float, m);
IN(2, float, g);
IN(3, float, row);
IN(4, float, col);
IN(5, float, rate);
IN(6, float, hyper);

void main() {
	for (uint i = item(); i < p.rows * p.cols; i += items()) {
		float value = param[i], u = rate[0] * (g[i] / (sqrt(row[i / p.cols]) * sqrt(col[i % p.cols])));
		if (p.decay != 0u) value -= hyper[DECAY] * rate[1] * value;
		u = hyper[BETA1] * m[i] + hyper[REST1] * u;
		m[i] = u;
		param[i] = value - u;
	}
}

#endif
