package optim

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vulora/vulora/qwen2/safetensors"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// A goldenCase is one case of optim.json.
type goldenCase struct {
	Name, Kind string
	Kwargs     map[string]any
}

func goldens(t *testing.T) (dir string, all []goldenCase) {
	t.Helper()
	dir = "testdata"
	if d := os.Getenv("VULORA_GOLDENS"); d != "" {
		dir = d
	}
	dir = filepath.Join(dir, "schedule-optim")
	b, err := os.ReadFile(filepath.Join(dir, "optim.json"))
	var file struct{ Cases []goldenCase }
	if err == nil {
		err = json.Unmarshal(b, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("the golden has no cases")
	}
	return dir, file.Cases
}

// settings translates the constructor's arguments, and returns the learning rate of each step. What a constructor has
// for a default is here: torch's AdamW and SGD, transformers' Adafactor, bitsandbytes' Lion.
func (c goldenCase) settings() (s Settings, rate func(n int) float64, err error) {
	names := map[string]string{"adamw": "adamw_torch", "sgd": "sgd", "adafactor": "adafactor", "lion": "lion_32bit"}
	s = Settings{Name: names[c.Kind], Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Args: map[string]string{}}
	lr := map[string]float64{"adamw": 1e-3, "sgd": 1e-3, "lion": 1e-4}[c.Kind]
	switch c.Kind {
	case "adamw":
		s.WeightDecay = 0.01
	case "lion":
		s.Beta2 = 0.99
	case "adafactor":
		s.Args["scale_parameter"] = "true"
	}
	relative, warm := c.Kind == "adafactor", false
	for key, v := range c.Kwargs {
		number, _ := v.(float64)
		pair, _ := v.([]any)
		switch {
		case v == nil: // None
		case key == "lr":
			lr = number
		case key == "weight_decay":
			s.WeightDecay = number
		case key == "betas":
			s.Beta1, s.Beta2 = pair[0].(float64), pair[1].(float64)
		case key == "eps" && pair != nil:
			s.Args["eps1"], s.Args["eps2"] = fmt.Sprint(pair[0]), fmt.Sprint(pair[1])
		case key == "eps":
			s.Eps = number
		case key == "relative_step":
			relative = v.(bool)
		case key == "warmup_init":
			warm = v.(bool)
		case key == "momentum", key == "dampening", key == "nesterov", key == "clip_threshold", key == "decay_rate",
			key == "beta1", key == "scale_parameter":
			s.Args[key] = fmt.Sprint(v)
		default:
			return s, nil, fmt.Errorf("want an argument that this test knows, have %s", key)
		}
	}
	rate = func(n int) float64 {
		if !relative {
			return lr
		}
		most := 1e-2
		if warm {
			most = 1e-6 * float64(n)
		}
		return min(most, 1/math.Sqrt(float64(n)))
	}
	return s, rate, nil
}

// TestGoldens compares the parameters after every step, and the states after the last, with those of the libraries.
func TestGoldens(t *testing.T) {
	dir, cases := goldens(t)
	f, err := safetensors.Open(filepath.Join(dir, "optim.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		for _, c := range cases {
			t.Run(c.Name, func(t *testing.T) { c.run(t, d, f) })
		}
	})
}

func (c goldenCase) run(t *testing.T, d kernel.Device, f *safetensors.File) {
	s, rate, err := c.settings()
	if err != nil {
		t.Fatal(err)
	}
	rule, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	init, grads, want := read(t, f, c.Name+".init"), read(t, f, c.Name+".grads"), read(t, f, c.Name+".params")
	n := len(init)
	o := newRig(t, d, rule, tensor.Of(n), n)
	o.write(o.p, init)
	for i := range len(grads) / n {
		o.step(grads[i*n:][:n], rule.Hyper(rate(i+1), i+1))
		// 1e-6 is the golden's.
		near(t, fmt.Sprintf("step %d", i+1), o.read(o.p), want[i*n:][:n], 1e-6)
	}
	for i, s := range rule.States() {
		if _, ok := f.Tensor(c.Name + "." + s.Name); ok {
			// A moment has lost the digits that cancelled in it.
			near(t, s.Name, o.read(o.states[i]), read(t, f, c.Name+"."+s.Name), 1e-5)
		}
	}
}

func read(t *testing.T, f *safetensors.File, name string) []float32 {
	t.Helper()
	x, ok := f.Tensor(name)
	if !ok {
		t.Fatalf("no tensor %s", name)
	}
	n := 1
	for _, d := range x.Shape {
		n *= d
	}
	v := make([]float32, n)
	if err := safetensors.Floats(x, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// near compares the distance of two vectors with the length of the wanted one.
func near(t *testing.T, what string, have, want []float32, tol float64) {
	t.Helper()
	var d, n float64
	for i, w := range want {
		e := float64(have[i]) - float64(w)
		d, n = d+e*e, n+float64(w)*float64(w)
	}
	if !(math.Sqrt(d) <= tol*math.Sqrt(n)) {
		t.Errorf("%s: relative distance %.3g, want at most %g:\nwant %v\nhave %v", what, math.Sqrt(d/n), tol, want, have)
	}
}

// A rig is one parameter with its optimizer on a device.
type rig struct {
	t           *testing.T
	p, g, hyper *tensor.Tensor
	states      []*tensor.Tensor
	program     tensor.Compiled
}

func newRig(t *testing.T, d kernel.Device, rule Rule, p tensor.Spec, decay int) *rig {
	t.Helper()
	o := &rig{t: t}
	make := func(s tensor.Spec) *tensor.Tensor {
		x, err := tensor.New(d, s, kernel.Optimizer)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(x.Free)
		return x
	}
	o.p, o.g, o.hyper = make(p), make(p), make(tensor.Of(kernel.HyperLen))
	flat := func(x *tensor.Tensor) *tensor.Tensor {
		return &tensor.Tensor{Spec: tensor.Of(x.Len()), Buffer: x.Buffer, Offset: x.Offset}
	}
	g := Group{Whole: Tensor{P: flat(o.p), G: flat(o.g)}, Decay: decay, Hyper: o.hyper}
	for _, s := range rule.States() {
		spec := p
		if s.Of != nil {
			spec = s.Of(p)
		}
		x := make(spec)
		o.states = append(o.states, x)
		if s.Of == nil {
			g.Whole.States = append(g.Whole.States, flat(x))
		}
	}
	g.Each = []Tensor{{P: o.p, G: o.g, States: o.states, Decays: decay > 0}}
	programs := tensor.NewPrograms[int](d, kernel.CompileOptions{})
	t.Cleanup(func() { programs.Close() })
	var err error
	if o.program, err = programs.Get(0, func(r *tensor.Recorder) { rule.Record(r, g) }); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *rig) write(x *tensor.Tensor, v []float32) {
	o.t.Helper()
	if err := x.WriteFloats(v); err != nil {
		o.t.Fatal(err)
	}
}

func (o *rig) read(x *tensor.Tensor) []float32 {
	o.t.Helper()
	v := make([]float32, x.Len())
	if err := x.ReadFloats(v); err != nil {
		o.t.Fatal(err)
	}
	return v
}

func (o *rig) step(g []float32, h Hyper) {
	o.t.Helper()
	o.write(o.g, g)
	o.write(o.hyper, h[:])
	if err := o.program.Run(); err != nil {
		o.t.Fatal(err)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, args, want string
	}{
		{"adam", "", "want one of adafactor, adamw_torch, lion_32bit, sgd, have adam"},
		{"paged_adamw_8bit", "", "take adamw_torch"},
		{"lion_8bit", "", "take lion_32bit"},
		{"adamw", "momentum=0.9", "want no arguments, have momentum"},
		{"sgd", "moment=0.9", "want arguments dampening, momentum, nesterov, have moment"},
		{"sgd", "momentum=-1", `momentum: want a number of at least 0, have "-1"`},
		{"sgd", "momentum=NaN", "momentum: want a number"},
		{"sgd", "nesterov=maybe", "want true or false"},
		{"sgd", "nesterov=true", "want momentum above 0"},
		{"sgd", "weight_decay=0.1", "want it as the setting of that name"},
		{"adafactor", "relative_step=true", "the learning rate is the setting's"},
		{"adafactor", "beta1=1", "below 1"},
		{"adafactor", "clip_threshold=0", "more than 0"},
		{"sgd", "momentum", "want name=value"},
		{"sgd", "momentum=0.9,momentum=0.8", "momentum again"},
	} {
		args, err := ParseArgs(c.args)
		if err == nil {
			_, err = New(Settings{Name: c.name, Args: args})
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: want an error with %q, have %v", c.name, c.args, c.want, err)
		}
	}
}

// The buffer of SGD begins as the first gradient, and dampening comes with the second: with a momentum of 1/2 and a
// dampening of 1/4 gradients of 1 and 2 make it 1 and 1/2 + 3/4·2 = 2.
func TestDampening(t *testing.T) {
	rule, err := New(Settings{Name: "sgd", Args: map[string]string{"momentum": "0.5", "dampening": "0.25"}})
	if err != nil {
		t.Fatal(err)
	}
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		o := newRig(t, d, rule, tensor.Of(1), 0)
		for i, want := range []float32{-1, -3} {
			o.step([]float32{float32(i + 1)}, rule.Hyper(1, i+1))
			if have := o.read(o.p); have[0] != want {
				t.Errorf("step %d: want %v, have %v", i+1, want, have[0])
			}
		}
	})
}
