// lib.glsl: what every shader shares.
//
// Work is a list of items: rows, tiles or single elements. Without GROUP each invocation has an item of its own, and
// neither shared memory nor barriers are used; with GROUP the invocations (lanes) of a workgroup share one item. A loop
// "for (c = LANE; c < n; c += LANES)" followed by all_sum is the same source for both.
#extension GL_EXT_control_flow_attributes : require

// Workgroup size, a power of two that Go chooses per device.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;

#define IN(k, T, x) layout(std430, binding = k) readonly buffer In_##x { T x[]; }
#define OUT(k, T, x) layout(std430, binding = k) writeonly buffer Out_##x { T x[]; }
#define INOUT(k, T, x) layout(std430, binding = k) buffer InOut_##x { T x[]; }

// Rows that may be long are read CHUNK elements at a turn: Mesa's software device ends loops after 65535 turns.
const uint CHUNK = 16;

#define NAN uintBitsToFloat(0x7fc00000u)
#define INF uintBitsToFloat(0x7f800000u)
#define LOWEST -3.402823e38

// Workgroups are folded into two dimensions: devices need not allow more than 65535 in one.
uint group_index() { return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x; }

#ifdef GROUP

#define LANE gl_LocalInvocationID.x
#define LANES WG
uint item() { return group_index(); }

shared float scratch[WG];

// all_sum returns the sum of v over the lanes, to each of them, always added in the same order.
float all_sum(float v) {
	barrier(); // the readers of the last result are done
	scratch[LANE] = v;
	barrier();
	for (uint s = WG / 2; s > 0; s >>= 1) {
		if (LANE < s) scratch[LANE] += scratch[LANE + s];
		barrier();
	}
	return scratch[0];
}

// all_max returns the largest v of the lanes, to each of them.
float all_max(float v) {
	barrier();
	scratch[LANE] = v;
	barrier();
	for (uint s = WG / 2; s > 0; s >>= 1) {
		if (LANE < s) scratch[LANE] = max(scratch[LANE], scratch[LANE + s]);
		barrier();
	}
	return scratch[0];
}

#else

#define LANE 0u
#define LANES 1u
uint item() { return group_index() * WG + gl_LocalInvocationID.x; }
uint items() { return gl_NumWorkGroups.x * gl_NumWorkGroups.y * WG; }
float all_sum(float v) { return v; }
float all_max(float v) { return v; }

#endif

bool finite(float v) { return (floatBitsToUint(v) & 0x7f800000u) != 0x7f800000u; }
float sigmoid(float v) { return 1.0 / (1.0 + exp(-v)); }
