// gather_rows: y[i] = scale*table[index[i]-first], for the rows whose index lies in the table's part
// variants: gather_rows x f32 f16 bf16 int8
#version 450
#include "lib.glsl"

layout(push_constant) uniform GatherRows { uint rows, cols, first, count, scaled; } p;

OUT(0, float, y);
#define W_BINDING 1
#include "weight.glsl"
IN(W_NEXT, int, index);
IN(W_NEXT + 1, float, scale);

void main() {
	float s = p.scaled != 0u ? scale[0] : 1.0;
	uint n = p.rows * p.cols;
	for (uint i = item(); i < n; i += items()) {
		int at = index[i / p.cols];
		uint row = uint(at) - p.first;
		if (at >= 0 && uint(at) >= p.first && row < p.count) {
			y[i] = s * (weight(row * p.cols + i % p.cols) * row_scale(row));
		} else if (at < 0 && p.first == 0u) {
			y[i] = 0.0;
		}
	}
}
