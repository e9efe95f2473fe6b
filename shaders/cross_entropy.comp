// cross_entropy: loss = logsumexp(z) - z[label], z = scale*(softmax(z) - onehot(label)) per row, in place
// variants: cross_entropy x - group
#version 450
#include "lib.glsl"

layout(push_constant) uniform CrossEntropy { uint rows, cols; } p;

INOUT(0, float, z);
OUT(1, float, loss);
IN(2, int, label);
IN(3, float, scale);

// A label that no column has makes the row's loss NaN: it must be seen, not counted.
void main() {
	uint row = item(), at = row * p.cols;
	if (row >= p.rows) return;
	int want = label[row];
	if (want < 0) {
		for (uint c = LANE; c < p.cols; c += CHUNK * LANES) {
			[[unroll]] for (uint j = 0; j < CHUNK; j++) {
				if (c + j * LANES < p.cols) z[at + c + j * LANES] = 0.0;
			}
		}
		if (LANE == 0u) loss[row] = 0.0;
		return;
	}
	float top = LOWEST, sum = 0.0;
	for (uint c = LANE; c < p.cols; c += CHUNK * LANES) {
		float v[CHUNK], most = top;
		[[unroll]] for (uint j = 0; j < CHUNK; j++) {
			uint i = c + j * LANES;
			v[j] = z[at + min(i, p.cols - 1)];
			if (i >= p.cols) v[j] = LOWEST;
			most = max(most, v[j]);
		}
		sum *= exp(top - most);
		top = most;
		[[unroll]] for (uint j = 0; j < CHUNK; j++) sum += exp(v[j] - top);
	}
	float all_top = all_max(top);
	sum = all_sum(sum * exp(top - all_top));

	// The label's logit is read by the lane that overwrites it.
	float k = scale[0], lse = all_top + log(sum);
	for (uint c = LANE; c < p.cols; c += CHUNK * LANES) {
		[[unroll]] for (uint j = 0; j < CHUNK; j++) {
			uint i = c + j * LANES;
			if (i < p.cols) {
				float v = z[at + i], prob = exp(v - all_top) / sum;
				z[at + i] = k * (prob - (i == uint(want) ? 1.0 : 0.0));
				if (i == uint(want)) loss[row] = lse - v;
			}
		}
	}
	if (LANE == 0u && uint(want) >= p.cols) loss[row] = NAN;
}
