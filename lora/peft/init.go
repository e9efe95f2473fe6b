package peft

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

// InitWeights gives the first values of a module's matrices.
//
//	a: [R, in], b: [out, R]
//
// InitDefault is A ~ U(−1/√in, 1/√in) (torch's kaiming_uniform with a = √5) and B = 0; InitRandom draws B from
// U(−1/√R, 1/√R) as well; InitGaussian is A ~ N(0, 1/R²) and B = 0 (peft/tuners/lora/layer.py, reset_lora_parameters).
//
// Each tensor has a stream of its own, ChaCha8 keyed by the SHA-256 of seed and tensor name, so that the values depend
// neither on the order of modules nor on which others are targeted. torch's stream is not reproduced: there the values
// depend on every random number drawn before.
func (c *Config) InitWeights(seed uint64, module string, in, out int) (a, b []float32, err error) {
	if err := c.Validate(); err != nil {
		return nil, nil, err
	}
	r := c.Rank(module)
	if in < 1 || out < 1 || in > math.MaxInt32 || out > math.MaxInt32 {
		return nil, nil, fmt.Errorf("peft: init %s: want sizes from 1 to %d, have [%d, %d]",
			module, math.MaxInt32, out, in)
	}
	a, b = make([]float32, r*in), make([]float32, out*r)
	switch c.Init {
	case InitDefault, "":
		uniform(a, in, stream(seed, Key(module, PartA)))
	case InitRandom:
		uniform(a, in, stream(seed, Key(module, PartA)))
		uniform(b, r, stream(seed, Key(module, PartB)))
	case InitGaussian:
		normal(a, 1/float64(r), stream(seed, Key(module, PartA)))
	default:
		return nil, nil, fmt.Errorf("peft: init_lora_weights: want true, false or gaussian, have %q", string(c.Init))
	}
	return a, b, nil
}

func stream(seed uint64, name string) *rand.ChaCha8 {
	return rand.NewChaCha8(sha256.Sum256(append(binary.LittleEndian.AppendUint64(nil, seed), name...)))
}

// unit is in [0, 1), of 53 bits. It is written out because math/rand/v2 promises the stream of its sources only.
func unit(s *rand.ChaCha8) float64 { return float64(s.Uint64()>>11) / (1 << 53) }

func uniform(x []float32, fanIn int, s *rand.ChaCha8) {
	bound := 1 / math.Sqrt(float64(fanIn))
	for i := range x {
		x[i] = float32((2*unit(s) - 1) * bound)
	}
}

// normal draws by Box and Muller's method, two values at a time.
func normal(x []float32, deviation float64, s *rand.ChaCha8) {
	for i := 0; i < len(x); i += 2 {
		radius := deviation * math.Sqrt(-2*math.Log(1-unit(s)))
		sin, cos := math.Sincos(2 * math.Pi * unit(s))
		x[i] = float32(radius * cos)
		if i+1 < len(x) {
			x[i+1] = float32(radius * sin)
		}
	}
}
