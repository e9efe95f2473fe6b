package autograd

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// net is a small residual network with a frozen and an adapted linear layer in each block.
type net struct {
	d      kernel.Device
	x, y   *tensor.Tensor
	one    *tensor.Tensor
	blocks []block
	frozen int // the first blocks, which have no adapter
}

type block struct{ norm, up, down, a, b *tensor.Tensor }

const rows, width, inner, rank = 7, 16, 24, 3

func newNet(t *testing.T, d kernel.Device, blocks int) *net {
	rng := rand.New(rand.NewPCG(3, 4))
	random := func(std float64, dims ...int) *tensor.Tensor {
		x, err := tensor.New(d, tensor.Of(dims...), kernel.Weights)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(x.Free)
		v := make([]float32, x.Len())
		for i := range v {
			v[i] = float32(rng.NormFloat64() * std)
		}
		if err := x.WriteFloats(v); err != nil {
			t.Fatal(err)
		}
		return x
	}
	n := &net{d: d, x: random(1, rows, width), y: random(0, rows, width), one: random(1, rows, width)}
	for range blocks {
		n.blocks = append(n.blocks, block{random(1, width), random(.3, 2*inner, width), random(.3, width, inner),
			random(.3, rank, width),
			random(.3, 2*inner, rank)})
	}
	return n
}

// record records the network, with a cotangent that stands in n.one, and lets the gradients lie in grads.
func (n *net) record(r *tensor.Recorder, recompute bool, grads map[*tensor.Tensor]*tensor.Tensor) *Tape {
	t := NewTape(r)
	x := t.Const(n.x)
	for i, b := range n.blocks {
		f := func(t *Tape, x []*Var) []*Var {
			h := t.Apply(tensor.RMSNorm{Eps: 1e-6}, x[0], t.Const(b.norm))
			op, operands := tensor.Linear{}, []*Var{h, t.Const(b.up)}
			if i >= n.frozen {
				op.Adapters = []tensor.LowRank{{Scale: 2}}
				operands = append(operands, t.Param(b.a), t.Param(b.b))
			}
			up := t.Apply(op, operands...)
			down := t.Apply(tensor.Linear{}, t.Apply(tensor.SwiGLU{}, up), t.Const(b.down))
			return []*Var{t.Apply(tensor.Add{}, x[0], down)}
		}
		if recompute {
			x = t.Checkpoint(f, x)[0]
		} else {
			x = f(t, []*Var{x})[0]
		}
	}
	if r.Err() != nil {
		return t
	}
	r.Place(x.Value, n.y)
	if t.Backward(x, r.Bind(n.one)) != nil {
		return t
	}
	for p, g := range grads {
		r.Place(t.Grad(t.Param(p)), g)
	}
	return t
}

func (n *net) params() (all []*tensor.Tensor) {
	for _, b := range n.blocks[n.frozen:] {
		all = append(all, b.a, b.b)
	}
	return all
}

// gradients runs the network once and returns its gradients, launches and bytes.
func (n *net) gradients(t *testing.T, recompute bool) (out [][]float32, launches int, bytes int64) {
	grads := map[*tensor.Tensor]*tensor.Tensor{}
	for _, p := range n.params() {
		g, err := tensor.New(n.d, p.Spec, kernel.Adapter)
		if err != nil {
			t.Fatal(err)
		}
		defer g.Free()
		grads[p] = g
	}
	programs := tensor.NewPrograms[bool](n.d, kernel.CompileOptions{})
	defer programs.Close()
	c, err := programs.Get(recompute, func(r *tensor.Recorder) { n.record(r, recompute, grads) })
	if err == nil {
		err = c.Run()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range n.params() {
		out = append(out, read(t, grads[p]))
	}
	return out, c.Launches, c.Bytes
}

func read(t *testing.T, x *tensor.Tensor) []float32 {
	t.Helper()
	v := make([]float32, x.Len())
	if err := x.ReadFloats(v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Recomputation gives the same gradients bit for bit, in less memory.
func TestCheckpointIsExact(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		n := newNet(t, d, 6)
		kept, l1, b1 := n.gradients(t, false)
		again, l2, b2 := n.gradients(t, true)
		for i := range kept {
			for j := range kept[i] {
				if kept[i][j] != again[i][j] {
					t.Fatalf("gradient %d, element %d: %v kept, %v recomputed", i, j, kept[i][j], again[i][j])
				}
			}
		}
		if b2 >= b1 || l2 <= l1 {
			t.Errorf("kept: %d launches, %d bytes; recomputed: %d launches, %d bytes", l1, b1, l2, b2)
		}
	})
}

// The gradient of a chain of ops is that of the whole function: central differences along random directions.
func TestChainRule(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		n := newNet(t, d, 3)
		grads, _, _ := n.gradients(t, false)
		forward := tensor.NewPrograms[int](d, kernel.CompileOptions{})
		defer forward.Close()
		f := func() (sum float64) {
			p, err := forward.Get(0, func(r *tensor.Recorder) { n.record(r, false, nil) })
			if err == nil {
				err = p.Run()
			}
			if err != nil {
				t.Fatal(err)
			}
			dy := read(t, n.one)
			for i, y := range read(t, n.y) {
				sum += float64(dy[i]) * float64(y)
			}
			return sum
		}
		rng := rand.New(rand.NewPCG(5, 6))
		for i, p := range n.params() {
			old, dir, want := read(t, p), make([]float32, p.Len()), 0.0
			for j := range dir {
				dir[j] = float32(rng.NormFloat64())
				want += float64(dir[j]) * float64(grads[i][j])
			}
			const h = 3e-3 // float32 results leave an error of about 1e-4, the third derivative one of h²
			at := func(k float32) float64 {
				x := make([]float32, len(old))
				for j := range x {
					x[j] = old[j] + k*dir[j]
				}
				if err := p.WriteFloats(x); err != nil {
					t.Fatal(err)
				}
				return f()
			}
			got := (at(h) - at(-h)) / (2 * h)
			if err := p.WriteFloats(old); err != nil {
				t.Fatal(err)
			}
			if !(math.Abs(got-want) <= 1e-2*(1+math.Abs(want))) {
				t.Errorf("parameter %d: central difference %v, gradient %v", i, got, want)
			}
		}
	})
}

// A value that is used twice gets both gradients, and both uses may be in one op.
func TestUsedTwice(t *testing.T) {
	d := devtest.CPU(t)
	n := newNet(t, d, 1)
	p := n.blocks[0].norm
	g, err := tensor.New(d, p.Spec, kernel.Adapter)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Free()
	dy, err := tensor.New(d, p.Spec, kernel.Staging)
	if err != nil {
		t.Fatal(err)
	}
	defer dy.Free()
	ones := make([]float32, width)
	for i := range ones {
		ones[i] = float32(i)
	}
	if err := dy.WriteFloats(ones); err != nil {
		t.Fatal(err)
	}
	programs := tensor.NewPrograms[int](d, kernel.CompileOptions{})
	defer programs.Close()
	c, err := programs.Get(0, func(r *tensor.Recorder) {
		t := NewTape(r)
		x := t.Param(p)
		y := t.Apply(tensor.Add{}, t.Apply(tensor.Add{}, x, x), t.Apply(tensor.Scale{K: 3}, x)) // 5x
		t.Apply(tensor.Scale{K: 7}, x)                                                          // leads nowhere
		if t.Backward(y, r.Bind(dy)) == nil {
			r.Place(t.Grad(x), g)
		}
	})
	if err == nil {
		err = c.Run()
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range read(t, g) {
		if v != 5*ones[i] {
			t.Errorf("element %d: want %v, have %v", i, 5*ones[i], v)
		}
	}
}

// A frozen operand has no gradient, and below the lowest parameter nothing is recorded.
func TestFrozen(t *testing.T) {
	d := devtest.CPU(t)
	n := newNet(t, d, 2)
	r := tensor.NewRecorder(d)
	tape := n.record(r, false, nil)
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	if g := tape.Grad(tape.Param(n.blocks[0].a)); g == nil {
		t.Error("a parameter has no gradient")
	}
	if g := tape.Grad(tape.Const(n.blocks[1].up)); g != nil {
		t.Error("a frozen weight has a gradient")
	}
	if g := tape.Grad(tape.Const(n.x)); g != nil {
		t.Error("the input has a gradient")
	}
	_, one, _ := newNet(t, d, 1).gradients(t, false)
	_, two, _ := n.gradients(t, false)
	deep := newNet(t, d, 2)
	deep.frozen = 1
	_, half, _ := deep.gradients(t, false)
	if forward := 6; half != one+forward { // rmsnorm, two products, swiglu, a copy and the addition to it
		t.Errorf("a block below the adapters adds %d launches, want its %d of the forward pass; with one it adds %d",
			half-one, forward, two-one)
	}
}

func TestNoGradientIsAnError(t *testing.T) {
	d := devtest.CPU(t)
	n := newNet(t, d, 1)
	r := tensor.NewRecorder(d)
	tape := NewTape(r)
	r.In("model.head", func() { tape.Apply(tensor.ArgMax{}, tape.Param(n.blocks[0].up)) })
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "model.head: tensor.ArgMax has no gradient") {
		t.Errorf("have %v", err)
	}
}
