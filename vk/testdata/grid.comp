// y[g] += 1 + add for every workgroup g = row * width + column of the grid
// Built by: glslc --target-env=vulkan1.1 -O grid.comp -o grid.spv
#version 450

layout(local_size_x = 1) in;

layout(push_constant) uniform Sizes { uint width, add; };

layout(std430, binding = 0) buffer Y { uint y[]; };

void main() { y[gl_WorkGroupID.y * width + gl_WorkGroupID.x] += 1 + add; }
