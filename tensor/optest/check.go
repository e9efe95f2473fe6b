package optest

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// Check runs c on d, forward and, if the op has a gradient, backward under a random cotangent, and returns what is
// wrong.
func Check(d kernel.Device, c Case) error {
	k := &check{device: d, c: c, rng: rand.New(rand.NewPCG(1, 2))}
	defer k.free()
	prog, err := k.compile()
	if err != nil {
		return err
	}
	defer prog.Close()
	if err := prog.Run(); err != nil {
		return err
	}
	return errors.Join(k.compareResults(), k.compareGradients(), k.guards())
}

// A check is one run of a case.
type check struct {
	device kernel.Device
	c      Case
	rng    *rand.Rand
	x, dy  [][]float64 // operands and cotangents
	y, dx  []*guarded  // results and gradients; dx[i] is nil where there is none
	all    []*tensor.Tensor
	space  *tensor.Workspace
}

func (k *check) free() {
	for _, t := range k.all {
		t.Free()
	}
	if k.space != nil {
		k.space.Close()
	}
}

// compile returns the program that fills y and dx.
func (k *check) compile() (tensor.Program, error) {
	r := tensor.NewRecorder(k.device)
	var in []*tensor.Value
	var specs []tensor.Spec
	need := make([]bool, len(k.c.In))
	grad, differentiable := k.c.Op.(tensor.Differentiable)
	for i, o := range k.c.In {
		x, b := o.values(k.rng)
		k.x = append(k.x, x)
		t, err := k.bind(o.Spec, b)
		if err != nil {
			return nil, err
		}
		in, specs = append(in, r.Bind(t)), append(specs, o.Spec)
		need[i] = differentiable && !o.Const && o.DType == tensor.F32
	}
	results, err := k.c.Op.Infer(specs)
	if err != nil {
		return nil, err
	}
	var y, dy []*tensor.Value
	for _, s := range results {
		y = append(y, r.Temp(s))
	}
	saved := k.c.Op.Forward(r, y, in, need)
	if slices.Contains(need, true) {
		for _, s := range results {
			o := Operand{Spec: s}
			v, b := o.values(k.rng)
			k.dy = append(k.dy, v)
			t, err := k.bind(s, b)
			if err != nil {
				return nil, err
			}
			dy = append(dy, r.Bind(t))
		}
		for i, g := range grad.Backward(r, dy, saved, need) {
			if err := k.keep(r, &k.dx, g, need[i], k.c.In[i].Spec); err != nil {
				return nil, err
			}
		}
	}
	for i, v := range y {
		if err := k.keep(r, &k.y, v, true, results[i]); err != nil {
			return nil, err
		}
	}
	p, err := tensor.NewPlan(r)
	if err != nil {
		return nil, err
	}
	k.space = tensor.NewWorkspace(k.device)
	if err := k.space.Reserve(p); err != nil {
		return nil, err
	}
	return k.space.Compile(p, kernel.CompileOptions{})
}

func (k *check) bind(s tensor.Spec, b []byte) (*tensor.Tensor, error) {
	t, err := tensor.New(k.device, s, kernel.Staging)
	if err != nil {
		return nil, err
	}
	k.all = append(k.all, t)
	return t, t.Write(b)
}

// keep lets v lie in guarded memory of its own.
func (k *check) keep(r *tensor.Recorder, list *[]*guarded, v *tensor.Value, want bool, s tensor.Spec) error {
	if !want {
		*list = append(*list, nil)
		return nil
	}
	if v == nil || v.Spec != s {
		return fmt.Errorf("want a gradient %v, have %v", s, v)
	}
	g, err := newGuarded(k.device, s)
	if err != nil {
		return err
	}
	k.all = append(k.all, g.Tensor)
	*list = append(*list, g)
	r.Place(v, g.Tensor)
	return nil
}

func (k *check) guards() error {
	var errs []error
	for i, g := range append(append([]*guarded{}, k.y...), k.dx...) {
		if g != nil {
			if err := g.check(); err != nil {
				errs = append(errs, fmt.Errorf("output %d: %w", i, err))
			}
		}
	}
	return errors.Join(errs...)
}

// tolerance is relative to the size of an element and to the root mean square of its tensor.
func (k *check) tolerance() float64 {
	loose := k.c.Loose
	if loose == 0 {
		loose = 1
	}
	return loose * 8 * math.Sqrt(float64(max(k.c.Terms, 1))) / (1 << 24)
}
