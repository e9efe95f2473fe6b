package tensor_test

import (
	"fmt"
	"testing"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
	"github.com/vulora/vulora/tensor/optest"
)

// narrow is a device whose operands may span few bytes, as on devices with a small maxStorageBufferRange, and must be
// aligned to the most that Vulkan lets a device ask for.
type narrow struct {
	kernel.Device
	span int64
}

const mostAlignment = 256

func (n narrow) Info() kernel.Info {
	i := n.Device.Info()
	i.MaxRange, i.Alignment = n.span, mostAlignment
	return i
}

func (n narrow) Compile(l []kernel.Launch, o kernel.CompileOptions) (kernel.Program, error) {
	for _, x := range l {
		for _, r := range append(append([]kernel.Range{}, x.Out...), x.In...) {
			if r.Offset%mostAlignment != 0 || r.Bytes > n.span {
				return nil, fmt.Errorf("%s: want operands of at most %d bytes at multiples of %d, have %d at %d",
					x.Sizes.Kernel(), n.span, mostAlignment, r.Bytes, r.Offset)
			}
		}
	}
	return n.Device.Compile(l, o)
}

// Tables and weights larger than one operand are read in tiles.
func TestTiles(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		for _, c := range []optest.Case{
			optest.EmbeddingCase(tensor.BF16, 300, 16, 40), optest.LinearCase(tensor.F32, 5, 200, 16),
			optest.LinearCase(tensor.BF16, 9, 330, 32), optest.LinearCase(tensor.BF16, 3, 500, 45),
			optest.CrossEntropyCase(tensor.BF16, 12, 16, 260),
			optest.EmbeddingCase(tensor.I8, 700, 32, 40), optest.LinearCase(tensor.NF4, 5, 900, 64),
			optest.CrossEntropyCase(tensor.I8, 12, 64, 340),
		} {
			t.Run(c.Name, func(t *testing.T) {
				if err := optest.Check(narrow{d, 64 * 300}, c); err != nil {
					t.Error(err)
				}
			})
		}
	})
}

// Slabs larger than one operand are updated in tiles, like whole ones.
func TestOptimizerTiles(t *testing.T) {
	const n, decay = 1000, 300
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		for _, op := range []tensor.Op{tensor.AdamW{Decay: decay}, tensor.SGD{Decay: decay},
			tensor.SGDMomentum{Decay: decay}, tensor.Lion{Decay: decay}} {
			step := func(d kernel.Device) []float32 {
				o := newOptimizer(t, d, n)
				x := make([]float32, n)
				for i := range x {
					x[i] = float32(i%17) - 8
				}
				o.write(t, o.p, x)
				o.write(t, o.g, x)
				o.write(t, o.hyper, []float32{0.1, 0.9, 0.999, 1e-8, 0.5, 0.1, 0.03, 1, 0.1, 0.001, 0, 0})
				state := slabs(o.p, o.m, o.v)
				switch op.(type) {
				case tensor.SGD:
					state = state[:1]
				case tensor.SGDMomentum, tensor.Lion:
					state = state[:2]
				}
				o.run(t, func(r *tensor.Recorder) { r.Apply(op, state, append(state[:len(state):len(state)], o.g, o.hyper)) })
				return o.read(t, o.p)
			}
			whole, tiled := step(d), step(narrow{d, 4 * 200})
			for i := range whole {
				if whole[i] != tiled[i] {
					t.Fatalf("%T: element %d: %v in one launch, %v in tiles", op, i, whole[i], tiled[i])
				}
			}
		}
	})
}
