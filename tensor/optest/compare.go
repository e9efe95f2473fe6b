package optest

import (
	"errors"
	"fmt"
)

// exhaustive is the number of elements up to which every element of a gradient is compared with a central difference.
// Of a longer one, that many are, and the rest through directional derivatives.
const exhaustive = 40

// directions is the number of random directions along which a gradient is compared.
const directions = 3

func (k *check) results(x [][]float64) [][]float64 {
	y := make([][]float64, len(k.y))
	for i, g := range k.y {
		y[i] = make([]float64, g.Len())
	}
	k.c.Def(x, y)
	return y
}

func (k *check) compareResults() error {
	var errs []error
	for i, want := range k.results(k.x) {
		got, err := k.y[i].floats()
		if err == nil {
			err = compare(fmt.Sprintf("result %d", i), got, want, k.tolerance())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// compareGradients compares dx with central differences of Σ dy·y. The step of 1e-4 leaves an error of about 1e-8
// for the smooth definitions of the table.
func (k *check) compareGradients() error {
	const h = 1e-4
	var errs []error
	for i, g := range k.dx {
		if g == nil {
			continue
		}
		got, err := g.floats()
		if err != nil {
			return err
		}
		x := k.x[i]
		old := append([]float64{}, x...)
		along := func(d []float64) float64 {
			return (k.at(x, old, d, h) - k.at(x, old, d, -h)) / (2 * h)
		}
		var have, want []float64
		unit := make([]float64, len(x))
		for n := range min(len(x), exhaustive) {
			j := n
			if len(x) > exhaustive {
				j = k.rng.IntN(len(x))
			}
			unit[j] = 1
			have, want = append(have, got[j]), append(want, along(unit))
			unit[j] = 0
		}
		errs = append(errs, compare(fmt.Sprintf("gradient %d", i), have, want, k.tolerance()+1e-7))
		errs = append(errs, k.compareDirections(i, got, along))
	}
	return errors.Join(errs...)
}

func (k *check) compareDirections(i int, got []float64, along func([]float64) float64) error {
	var have, want []float64
	for range directions {
		d, sum := make([]float64, len(got)), 0.0
		for j := range d {
			d[j] = k.rng.NormFloat64()
			sum += d[j] * got[j]
		}
		have, want = append(have, sum), append(want, along(d))
	}
	return compare(fmt.Sprintf("gradient %d along random directions", i), have, want, 4*k.tolerance()+1e-6)
}

// at returns Σ dy·y at old + h·d, and leaves x as old.
func (k *check) at(x, old, d []float64, h float64) (sum float64) {
	for j := range x {
		x[j] = old[j] + h*d[j]
	}
	for i, y := range k.results(k.x) {
		for j, v := range y {
			sum += k.dy[i][j] * v
		}
	}
	copy(x, old)
	return sum
}
