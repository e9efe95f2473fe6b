package tensor_test

import (
	"strings"
	"testing"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// apply records op without a gradient.
func apply(r *tensor.Recorder, op tensor.Op, x ...*tensor.Value) *tensor.Value {
	specs := make([]tensor.Spec, len(x))
	for i, v := range x {
		specs[i] = v.Spec
	}
	out, err := op.Infer(specs)
	if err != nil {
		r.Fail(err)
		return r.Temp(tensor.Of(1))
	}
	y := []*tensor.Value{r.Temp(out[0])}
	op.Forward(r, y, x, make([]bool, len(x)))
	return y[0]
}

func newTensor(t *testing.T, d kernel.Device, x ...float32) *tensor.Tensor {
	t.Helper()
	y, err := tensor.New(d, tensor.Of(len(x)), kernel.Staging)
	if err == nil {
		err = y.WriteFloats(x)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(y.Free)
	return y
}

// run plans, compiles and runs what r recorded, and checks that the planner's bytes are the ones allocated.
func run(t *testing.T, d kernel.Device, r *tensor.Recorder) *tensor.Plan {
	t.Helper()
	p, err := tensor.NewPlan(r)
	if err != nil {
		t.Fatal(err)
	}
	w := tensor.NewWorkspace(d)
	defer w.Close()
	if err := w.Reserve(p); err != nil {
		t.Fatal(err)
	}
	if have := d.Usage()[kernel.Activations]; have != p.Bytes() || w.Bytes() != p.Bytes() {
		t.Errorf("planned %d bytes, allocated %d, workspace has %d", p.Bytes(), have, w.Bytes())
	}
	prog, err := w.Compile(p, kernel.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Close()
	if err := prog.Run(); err != nil {
		t.Fatal(err)
	}
	return p
}

// An operand that is still needed is copied before a kernel works in its place, one that is not gives up its memory.
func TestInPlace(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		a, b, one, two := newTensor(t, d, 1, 2, 3), newTensor(t, d, 10, 20, 30), newTensor(t, d, 0, 0, 0),
			newTensor(t, d, 0, 0, 0)
		r := tensor.NewRecorder(d)
		s := apply(r, tensor.Add{}, r.Bind(a), r.Bind(b))               // a is bound: a copy
		u := apply(r, tensor.Scale{K: 2}, s)                            // s is needed below: a copy
		v := apply(r, tensor.Add{}, apply(r, tensor.Scale{K: 3}, u), s) // u and the product are not
		r.Place(v, one)
		r.Place(apply(r, tensor.Scale{K: -1}, s), two)
		p := run(t, d, r)
		check(t, one, 77, 154, 231)
		check(t, two, -11, -22, -33)
		check(t, a, 1, 2, 3)
		if p.Launches() != 9 { // five ops, and copies for add, scale, the placed sum and the placed negative
			t.Errorf("want 9 launches, have %d", p.Launches())
		}
	})
}

func check(t *testing.T, x *tensor.Tensor, want ...float32) {
	t.Helper()
	got := make([]float32, x.Len())
	if err := x.ReadFloats(got); err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		if got[i] != w {
			t.Errorf("want %v, have %v", want, got)
			return
		}
	}
}

// The arena is as large as what lives at once, not as all that ever lives.
func TestArenaIsReused(t *testing.T) {
	d := devtest.CPU(t)
	x := newTensor(t, d, make([]float32, 4096)...)
	r := tensor.NewRecorder(d)
	v := apply(r, tensor.Scale{K: 1}, r.Bind(x))
	for range 20 {
		y := apply(r, tensor.Scale{K: 2}, v)
		v = apply(r, tensor.Add{}, y, v)
	}
	r.Place(v, x)
	p, err := tensor.NewPlan(r)
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(3 * 4 * 4096); p.Bytes() > most {
		t.Errorf("want at most %d bytes, have %d", most, p.Bytes())
	}
}

func TestErrorsNameThePlace(t *testing.T) {
	d := devtest.CPU(t)
	x, w := newTensor(t, d, 1, 2, 3), newTensor(t, d, 1, 2)
	r := tensor.NewRecorder(d)
	r.In("layers.3", func() {
		r.In("attn", func() { apply(r, tensor.RMSNorm{}, r.Bind(x), r.Bind(w)) })
	})
	_, err := tensor.NewPlan(r)
	if err == nil || !strings.Contains(err.Error(),
		"layers.3.attn: rmsnorm: want x [..., C] and w [C], have [f32[3] f32[2]]") {
		t.Errorf("have %v", err)
	}
}

func TestReadBeforeWriteIsFound(t *testing.T) {
	d := devtest.CPU(t)
	x := newTensor(t, d, 1, 2, 3)
	r := tensor.NewRecorder(d)
	r.Run(kernel.Copy{N: 3}, []*tensor.Value{r.Bind(x)}, []*tensor.Value{r.Temp(tensor.Of(3))})
	if _, err := tensor.NewPlan(r); err == nil || !strings.Contains(err.Error(), "nothing has written") {
		t.Errorf("have %v", err)
	}
}

func TestWorkspaceTooSmall(t *testing.T) {
	d := devtest.CPU(t)
	x := newTensor(t, d, 1, 2, 3)
	r := tensor.NewRecorder(d)
	r.Place(apply(r, tensor.Scale{K: 2}, apply(r, tensor.Scale{K: 2}, r.Bind(x))), x)
	p, err := tensor.NewPlan(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tensor.NewWorkspace(d).Compile(p, kernel.CompileOptions{}); err == nil {
		t.Error("compiled without memory")
	}
}
