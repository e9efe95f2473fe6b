// y[i] = 3·x[(i+shift) mod n] + add
// Constants: 0 the workgroup's size, 1 the shift. Built by: glslc --target-env=vulkan1.1 -O affine.comp -o affine.spv
#version 450

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint shift = 0;

layout(push_constant) uniform Sizes {
	uint n;
	uint add;
};

layout(std430, binding = 0) readonly buffer X { uint x[]; };
layout(std430, binding = 1) writeonly buffer Y { uint y[]; };

void main() {
	uint i = gl_GlobalInvocationID.x;
	if (i < n) y[i] = 3 * x[(i + shift) % n] + add;
}
