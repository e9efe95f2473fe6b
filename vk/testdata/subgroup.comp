// y[i] = size of the subgroup that runs invocation i; the workgroup is 32 wide
// Built by: glslc --target-env=vulkan1.1 -O subgroup.comp -o subgroup.spv
#version 450
#extension GL_KHR_shader_subgroup_basic : require

layout(local_size_x = 32) in;

layout(std430, binding = 0) writeonly buffer Y { uint y[]; };

void main() { y[gl_GlobalInvocationID.x] = gl_SubgroupSize; }
