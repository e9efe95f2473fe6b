// head.glsl: the vectors of an attention head, in DE elements of type E.
//
// With VEC every stride and offset is a multiple of four. Loops over a head are unrolled, so that its vectors live in
// registers where there are enough, and because Mesa's software device ends a shader's loops after 65535 turns in all.
layout(constant_id = 1) const uint DE = 16;
#ifdef VEC
#define E vec4
#define PER 4u
#else
#define E float
#define PER 1u
#endif
#define EACH(d) [[unroll]] for (uint d = 0; d < DE; d++)

#if defined(GROUP) && defined(VEC)
shared vec4 scratch4[WG];

// all_sum of vectors, as in lib.glsl.
vec4 all_sum(vec4 v) {
	barrier();
	scratch4[LANE] = v;
	barrier();
	for (uint s = WG / 2; s > 0; s >>= 1) {
		if (LANE < s) scratch4[LANE] += scratch4[LANE + s];
		barrier();
	}
	return scratch4[0];
}
#elif defined(VEC)
vec4 all_sum(vec4 v) { return v; }
#endif
