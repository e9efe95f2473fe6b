package main

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2/safetensors"
)

// moduleNorms are the Frobenius norms of one module's factors and of what they add to its weight, alpha/r·B·A.
type moduleNorms struct {
	Module string  `json:"module"`
	Rank   int     `json:"r"`
	Scale  float64 `json:"scaling"`
	A      float64 `json:"norm_a"`
	B      float64 `json:"norm_b"`
	Delta  float64 `json:"norm_delta"`
}

// adapterNorms reads an adapter's tensors and measures them, in the order of layers.
func adapterNorms(dir string, c *peft.Config) ([]moduleNorms, error) {
	f, err := safetensors.Open(filepath.Join(dir, "adapter_model.safetensors"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []moduleNorms
	for _, name := range f.Names() {
		module, part, ok := peft.ParseKey(name)
		if !ok || part != peft.PartA {
			continue
		}
		a, err := factor(f, name)
		if err != nil {
			return nil, err
		}
		b, err := factor(f, peft.Key(module, peft.PartB))
		if err != nil {
			return nil, err
		}
		if a.rows != b.cols {
			return nil, fmt.Errorf("%s: %s: want %d columns in lora_B as lora_A has rows, have %d", dir, module, a.rows, b.cols)
		}
		n := moduleNorms{Module: module, Rank: a.rows, Scale: c.Scaling(module), A: a.norm(), B: b.norm()}
		n.Delta = math.Abs(n.Scale) * productNorm(b, a)
		all = append(all, n)
	}
	slices.SortStableFunc(all, func(x, y moduleNorms) int { return layerOf(x.Module) - layerOf(y.Module) })
	return all, nil
}

type matrix struct {
	rows, cols int
	x          []float32
}

func factor(f *safetensors.File, name string) (matrix, error) {
	t, ok := f.Tensor(name)
	if !ok {
		return matrix{}, fmt.Errorf("%s: want it beside its pair, have no such tensor", name)
	}
	if len(t.Shape) != 2 {
		return matrix{}, fmt.Errorf("%s: want a matrix, have the shape %v", name, t.Shape)
	}
	m := matrix{t.Shape[0], t.Shape[1], make([]float32, t.Shape[0]*t.Shape[1])}
	return m, safetensors.Floats(t, m.x)
}

func (m matrix) norm() float64 {
	sum := 0.0
	for _, v := range m.x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

// productNorm is the norm of b·a: the square root of the sum of (bᵀb)∘(aaᵀ), which are small.
//
//	b: [out, R], a: [R, in]
func productNorm(b, a matrix) float64 {
	r, sum := a.rows, 0.0
	for i := range r {
		for j := range r {
			bb, aa := 0.0, 0.0
			for k := range b.rows {
				bb += float64(b.x[k*r+i]) * float64(b.x[k*r+j])
			}
			for k := range a.cols {
				aa += float64(a.x[i*a.cols+k]) * float64(a.x[j*a.cols+k])
			}
			sum += bb * aa
		}
	}
	return math.Sqrt(max(0, sum))
}

// layerOf is the number of the layer in a module's name, -1 if it has none.
func layerOf(module string) int {
	n := -1
	if _, rest, ok := strings.Cut(module, "layers."); ok {
		fmt.Sscanf(rest, "%d", &n)
	}
	return n
}

// printNorms writes what an adapter adds to each weight.
func printNorms(s *shell, all []moduleNorms) error {
	return printLayers(s, len(all), func(i int) string { return all[i].Module },
		func(i int) string { return fmt.Sprintf("%.3g", all[i].Delta) })
}

// printLayers writes a table of n modules with a line per layer and a column per kind of module.
func printLayers(s *shell, n int, module, cell func(i int) string) error {
	var kinds []string
	cells := map[[2]string]string{}
	var layers []string
	for i := range n {
		kind := peft.ShortNames([]string{module(i)})[0]
		layer := fmt.Sprint(layerOf(module(i)))
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
		if !slices.Contains(layers, layer) {
			layers = append(layers, layer)
		}
		cells[[2]string{layer, kind}] = cell(i)
	}
	slices.Sort(kinds)
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "layer\t%s\t\n", strings.Join(kinds, "\t"))
	for _, l := range layers {
		fmt.Fprint(w, l)
		for _, k := range kinds {
			fmt.Fprintf(w, "\t%s", cells[[2]string{l, k}])
		}
		fmt.Fprint(w, "\t\n")
	}
	return w.Flush()
}
