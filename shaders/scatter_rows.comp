// scatter_rows: y[v] = the sum of the rows x[i] with index[i] = v, in the order of i
// variants: scatter_rows
#version 450
#include "lib.glsl"

layout(push_constant) uniform ScatterRows { uint rows, cols, count; } p;

OUT(0, float, y);
IN(1, float, x);
IN(2, int, index);

void main() {
	uint i = item();
	if (i >= p.count * p.cols) return;
	int row = int(i / p.cols);
	float sum = 0.0;
	for (uint r = 0; r < p.rows; r++) {
		if (index[r] == row) sum += x[r * p.cols + i % p.cols];
	}
	y[i] = sum;
}
