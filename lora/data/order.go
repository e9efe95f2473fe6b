package data

// Permutation is torch.randperm(n) with a CPU generator seeded with the low 32 bits of seed: the order in which
// transformers' Trainer takes n rows in epoch e when seed is its seed (data_seed if set) + e.
//
// It walks from the front and swaps entry i with entry i + random % (n−i). From n = 2³²/20 on torch draws 64 bits
// a time (aten/src/ATen/native/TensorFactories.cpp, randperm_cpu); that is not followed here, so the order is then
// still a permutation, but not torch's. A negative n gives an empty order.
func Permutation(n int, seed int64) []int {
	order := make([]int, max(0, n))
	for i := range order {
		order[i] = i
	}
	random := newMT19937(uint32(seed))
	for i := 0; i < n-1; i++ {
		j := i + int(uint64(random.next())%uint64(n-i))
		order[i], order[j] = order[j], order[i]
	}
	return order
}

// mt19937 is the Mersenne Twister of Matsumoto and Nishimura (1998), as their mt19937ar.c initialises it with
// init_genrand and as torch uses it (ATen/core/MT19937RNGEngine.h).
type mt19937 struct {
	state [mtSize]uint32
	at    int
}

const (
	mtSize  = 624
	mtShift = 397
)

func newMT19937(seed uint32) *mt19937 {
	m := &mt19937{at: mtSize}
	m.state[0] = seed
	for i := 1; i < mtSize; i++ {
		before := m.state[i-1]
		m.state[i] = 1812433253*(before^before>>30) + uint32(i)
	}
	return m
}

func (m *mt19937) next() uint32 {
	if m.at == mtSize {
		m.twist()
	}
	y := m.state[m.at]
	m.at++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

func (m *mt19937) twist() {
	for i := range m.state {
		y := m.state[i]&0x80000000 | m.state[(i+1)%mtSize]&0x7fffffff
		v := m.state[(i+mtShift)%mtSize] ^ y>>1
		if y&1 != 0 {
			v ^= 0x9908b0df
		}
		m.state[i] = v
	}
	m.at = 0
}
