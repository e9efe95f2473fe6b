// weight.glsl: the matrix w stored as F32, F16, BF16 or INT8, at binding W_BINDING; W_NEXT is the binding after it.
//
// Elements of less than a word are read as 32-bit words, so that no storage feature is needed. With VEC the number of
// columns is a multiple of four and weight4(i) gives elements 4i … 4i+3; else weight(i) gives element i. An element of
// INT8 is to be multiplied by row_scale of its row, which is 1 for the other types.

#ifdef INT8
IN(W_BINDING + 1, float, scales);
float row_scale(uint row) { return scales[row]; }
#define W_NEXT W_BINDING + 2
#else
float row_scale(uint row) { return 1.0; }
#define W_NEXT W_BINDING + 1
#endif

#ifdef F16
vec2 unpack(uint v) { return unpackHalf2x16(v); }
#elif defined(BF16)
vec2 unpack(uint v) { return vec2(uintBitsToFloat(v << 16), uintBitsToFloat(v & 0xffff0000u)); }
#elif defined(INT8)
float unpack(uint v, int i) { return float(bitfieldExtract(int(v), 8 * i, 8)); }
#endif

#ifdef VEC
#ifdef F32
IN(W_BINDING, vec4, w);
vec4 weight4(uint i) { return w[i]; }
#elif defined(INT8)
IN(W_BINDING, uint, w);
vec4 weight4(uint i) {
	uint v = w[i];
	return vec4(unpack(v, 0), unpack(v, 1), unpack(v, 2), unpack(v, 3));
}
#else
IN(W_BINDING, uvec2, w);
vec4 weight4(uint i) {
	uvec2 v = w[i];
	return vec4(unpack(v.x), unpack(v.y));
}
#endif
#else
#ifdef F32
IN(W_BINDING, float, w);
float weight(uint i) { return w[i]; }
#elif defined(INT8)
IN(W_BINDING, uint, w);
float weight(uint i) { return unpack(w[i >> 2], int(i & 3u)); }
#else
IN(W_BINDING, uint, w);
float weight(uint i) {
	vec2 v = unpack(w[i >> 1]);
	return (i & 1u) == 0u ? v.x : v.y;
}
#endif
#endif
