// fourbit.glsl: the matrix w of codes NF4 or FP4 at binding W_BINDING, its scales after it; W_NEXT is the binding after
// those.
//
// A word of w holds eight elements of a row: the first in the high half of the lowest byte. BLOCK elements along a row
// share a scale; rows are whole blocks.

IN(W_BINDING, uint, w);
IN(W_BINDING + 1, float, scales);
#define W_NEXT W_BINDING + 2
const uint BLOCK = 64;

// A lookup is a tree of selections: an array with a computed index is read lane by lane from memory on software
// devices, and one lane after another from constants on graphics processors.
#define BIT(i) ((code & (1u << i)) != 0u)
#ifdef NF4
float select_value(uint code) {
	float a = BIT(0) ? -0.6961928009986877 : -1.0, b = BIT(0) ? -0.39491748809814453 : -0.5250730514526367;
	float c = BIT(0) ? -0.18477343022823334 : -0.28444138169288635, d = BIT(0) ? 0.0 : -0.09105003625154495;
	float e = BIT(0) ? 0.16093020141124725 : 0.07958029955625534, f = BIT(0) ? 0.33791524171829224 : 0.24611230194568634;
	float g = BIT(0) ? 0.5626170039176941 : 0.44070982933044434, h = BIT(0) ? 1.0 : 0.7229568362236023;
	float ab = BIT(1) ? b : a, cd = BIT(1) ? d : c, ef = BIT(1) ? f : e, gh = BIT(1) ? h : g;
	return BIT(3) ? (BIT(2) ? gh : ef) : (BIT(2) ? cd : ab);
}
#else
float select_value(uint code) {
	float a = BIT(0) ? 0.005208333333 : 0.0, b = BIT(0) ? 1.0 : 0.66666667;
	float c = BIT(0) ? 0.5 : 0.33333333, d = BIT(0) ? 0.25 : 0.16666667;
	float v = BIT(2) ? (BIT(1) ? d : c) : (BIT(1) ? b : a);
	return BIT(3) ? -v : v;
}
#endif

#ifdef GROUP
// Shared memory reads sixteen neighbouring words without a conflict. All lanes call load_table first.
shared float table[16];
void load_table() {
	for (uint i = LANE; i < 16; i += LANES) table[i] = select_value(i);
	barrier();
}
float value(uint code) { return table[code & 15u]; }
#elif defined(EXCHANGE)
// The lanes of a subgroup are the table. All of them call load_table first, and value together.
float low, high;
void load_table() {
	low = select_value(gl_SubgroupInvocationID & 15u);
	high = select_value(8u | gl_SubgroupInvocationID & 7u);
}
float value(uint code) {
	if (WG >= 16u) return subgroupShuffle(low, code & 15u);
	if (WG < 8u) return select_value(code);
	float a = subgroupShuffle(low, code & 7u), b = subgroupShuffle(high, code & 7u);
	return (code & 8u) == 0u ? a : b;
}
#else
void load_table() {}
float value(uint code) { return select_value(code); }
#endif

// expand returns the four elements in the lower half of a word.
vec4 expand(uint v) { return vec4(value(v >> 4), value(v), value(v >> 12), value(v >> 8)); }
