package tensor_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/nlpodyssey/safetensors"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

func goldenOptim() string {
	if dir := os.Getenv("VULORA_GOLDENS"); dir != "" {
		return filepath.Join(dir, "schedule-optim")
	}
	return filepath.Join("testdata", "schedule-optim")
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// floats returns a float32 tensor of a safetensors file, [rows, ...] flattened, and its shape.
func floats(t *testing.T, path, name string) ([]float32, []uint64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Deserialize(b)
	if err != nil {
		t.Fatal(err)
	}
	x, ok := f.Tensor(name)
	if !ok {
		t.Fatalf("%s: no tensor %s", path, name)
	}
	data := x.Data()
	out := make([]float32, len(data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return out, x.Shape()
}

func TestGoldenClip(t *testing.T) {
	var file struct {
		Cases []struct {
			Name    string
			MaxNorm float64 `json:"max_norm"`
			Norm    any
		}
	}
	readJSON(t, filepath.Join(goldenOptim(), "clip.json"), &file)
	path := filepath.Join(goldenOptim(), "clip.safetensors")
	if len(file.Cases) == 0 {
		t.Fatal("no cases")
	}
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		for _, c := range file.Cases {
			t.Run(c.Name, func(t *testing.T) {
				var in, want []float32
				for i := 0; ; i++ {
					x, ok := optional(t, path, fmt.Sprintf("%s.in.%d", c.Name, i))
					if !ok {
						break
					}
					y, _ := floats(t, path, fmt.Sprintf("%s.out.%d", c.Name, i))
					in, want = append(in, x...), append(want, y...)
				}
				o := newOptimizer(t, d, len(in))
				var h [kernel.HyperLen]float32
				h[kernel.HyperMaxNorm] = float32(c.MaxNorm)
				o.write(t, o.hyper, h[:])
				o.write(t, o.g, in)
				o.run(t, func(r *tensor.Recorder) { r.Apply(tensor.ClipNorm{}, slabs(o.g, o.stats), slabs(o.g, o.hyper)) })
				norm := math.Inf(1)
				if n, ok := c.Norm.(float64); ok {
					norm = n
				}
				relative(t, "norm", o.read(t, o.stats)[:1], []float32{float32(norm)}, 1e-6)
				relative(t, "clipped gradient", o.read(t, o.g), want, 1e-6)
			})
		}
	})
}

// optional returns a tensor that may not be there.
func optional(t *testing.T, path, name string) ([]float32, bool) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Deserialize(b)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := f.Tensor(name); !ok {
		return nil, false
	}
	x, _ := floats(t, path, name)
	return x, true
}

// relative compares the distance of two vectors with the length of the wanted one; elements that are not finite must be
// the same.
func relative(t *testing.T, what string, got, want []float32, tol float64) {
	t.Helper()
	var d, n float64
	for i, w := range want {
		g, w := float64(got[i]), float64(w)
		if g == w || math.IsNaN(g) && math.IsNaN(w) {
			n += w * w
			continue
		}
		d, n = d+(g-w)*(g-w), n+w*w
	}
	if !(math.Sqrt(d) <= tol*math.Sqrt(n)) && d != 0 {
		t.Errorf("%s: relative distance %.3g, want at most %g:\nwant %v\nhave %v", what, math.Sqrt(d/n), tol, want, got)
	}
}

// optimizer is the memory of an optimizer over n parameters.
type optimizer struct {
	d                        kernel.Device
	p, g, m, v, hyper, stats *tensor.Tensor
}

func newOptimizer(t *testing.T, d kernel.Device, n int) *optimizer {
	o := &optimizer{d: d}
	for _, f := range []struct {
		t **tensor.Tensor
		n int
	}{{&o.p, n}, {&o.g, n}, {&o.m, n}, {&o.v, n}, {&o.hyper, kernel.HyperLen}, {&o.stats, 4}} {
		x, err := tensor.New(d, tensor.Of(f.n), kernel.Optimizer)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(x.Free)
		*f.t = x
	}
	return o
}

func slabs(all ...*tensor.Tensor) []*tensor.Tensor { return all }

func (o *optimizer) write(t *testing.T, x *tensor.Tensor, v []float32) {
	t.Helper()
	if err := x.WriteFloats(v); err != nil {
		t.Fatal(err)
	}
}

func (o *optimizer) read(t *testing.T, x *tensor.Tensor) []float32 {
	t.Helper()
	v := make([]float32, x.Len())
	if err := x.ReadFloats(v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (o *optimizer) run(t *testing.T, record func(r *tensor.Recorder)) {
	t.Helper()
	programs := tensor.NewPrograms[int](o.d, kernel.CompileOptions{})
	defer programs.Close()
	p, err := programs.Get(0, record)
	if err == nil {
		err = p.Run()
	}
	if err != nil {
		t.Fatal(err)
	}
}
