// chunk.glsl: the matrix w stored as F32, F16, BF16, INT8, NF4 or FP4 at binding W_BINDING, read in chunks of eight
// elements of a row; W_NEXT is the binding after it and its scales.
//
// load_chunk(i) reads elements 8i … 8i+7 as they are stored, expand_chunk makes numbers of them. An element of INT8 is
// to be multiplied by the scale of its row.

#if defined(NF4) || defined(FP4)

#include "fourbit.glsl"
struct Chunk { uint v; float scale; };
Chunk load_chunk(uint i) { return Chunk(w[i], scales[i / (BLOCK / 8)]); }
Chunk no_chunk() { return Chunk(0u, 0.0); }
void expand_chunk(Chunk c, out vec4 lo, out vec4 hi) {
	lo = expand(c.v) * c.scale;
	hi = expand(c.v >> 16) * c.scale;
}

#else

void load_table() {}

#ifdef F32
IN(W_BINDING, vec4, w);
struct Chunk { vec4 lo, hi; };
Chunk load_chunk(uint i) { return Chunk(w[2 * i], w[2 * i + 1]); }
Chunk no_chunk() { return Chunk(vec4(0.0), vec4(0.0)); }
void expand_chunk(Chunk c, out vec4 lo, out vec4 hi) {
	lo = c.lo;
	hi = c.hi;
}
#elif defined(INT8)
IN(W_BINDING, uvec2, w);
IN(W_BINDING + 1, float, scales);
struct Chunk { uvec2 v; };
Chunk load_chunk(uint i) { return Chunk(w[i]); }
Chunk no_chunk() { return Chunk(uvec2(0u)); }
vec4 unpack(uint v) {
	int i = int(v);
	return vec4(bitfieldExtract(i, 0, 8), bitfieldExtract(i, 8, 8), bitfieldExtract(i, 16, 8), bitfieldExtract(i, 24, 8));
}
void expand_chunk(Chunk c, out vec4 lo, out vec4 hi) {
	lo = unpack(c.v.x);
	hi = unpack(c.v.y);
}
#else
IN(W_BINDING, uvec4, w);
struct Chunk { uvec4 v; };
Chunk load_chunk(uint i) { return Chunk(w[i]); }
Chunk no_chunk() { return Chunk(uvec4(0u)); }
#ifdef F16
vec2 unpack(uint v) { return unpackHalf2x16(v); }
#else
vec2 unpack(uint v) { return vec2(uintBitsToFloat(v << 16), uintBitsToFloat(v & 0xffff0000u)); }
#endif
void expand_chunk(Chunk c, out vec4 lo, out vec4 hi) {
	lo = vec4(unpack(c.v.x), unpack(c.v.y));
	hi = vec4(unpack(c.v.z), unpack(c.v.w));
}
#endif

#ifdef INT8
#define W_NEXT W_BINDING + 2
#else
#define W_NEXT W_BINDING + 1
#endif

#endif
