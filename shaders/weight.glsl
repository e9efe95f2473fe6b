// weight.glsl: the matrix w stored as F32, F16 or BF16, at binding W_BINDING.
//
// Half-width elements are read as 32-bit words, so that no storage feature is needed. With VEC the number of columns is
// a multiple of four and weight4(i) gives elements 4i … 4i+3; else weight(i) gives element i.

#ifdef F16
vec2 unpack(uint v) { return unpackHalf2x16(v); }
#elif defined(BF16)
vec2 unpack(uint v) { return vec2(uintBitsToFloat(v << 16), uintBitsToFloat(v & 0xffff0000u)); }
#endif

#ifdef VEC
#ifdef F32
IN(W_BINDING, vec4, w);
vec4 weight4(uint i) { return w[i]; }
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
#else
IN(W_BINDING, uint, w);
float weight(uint i) {
	vec2 v = unpack(w[i >> 1]);
	return (i & 1u) == 0u ? v.x : v.y;
}
#endif
#endif
