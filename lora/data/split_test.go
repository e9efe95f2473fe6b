package data

import (
	"fmt"
	"reflect"
	"testing"
)

func numbered(ids ...int32) (examples []Example) {
	for i, id := range ids {
		examples = append(examples, Example{IDs: []int32{1, id}, Labels: []int32{Ignore, id}, Line: i})
	}
	return examples
}

func lines(examples []Example) (n []int) {
	for _, e := range examples {
		n = append(n, e.Line)
	}
	return n
}

func TestSplit(t *testing.T) {
	var all []int32
	for i := range 1000 {
		all = append(all, int32(i))
	}
	examples := numbered(all...)
	train, eval, err := Split(examples, 0.05, 42)
	if err != nil || len(eval) != 50 || len(train) != 950 {
		t.Fatalf("want 950 and 50 examples, have %d and %d, %v", len(train), len(eval), err)
	}
	// Which rows those are must not change from release to release: a run goes on with the same split.
	if got := fmt.Sprint(lines(eval)[:5]); got != fmt.Sprint(firstOf(42, 1000, 50)[:5]) {
		t.Errorf("seed 42 gives %s", got)
	}
	again, _, _ := Split(examples, 0.05, 42)
	other, _, _ := Split(examples, 0.05, 43)
	if !reflect.DeepEqual(train, again) || reflect.DeepEqual(train, other) {
		t.Error("want the same split for the same seed, and another for another")
	}
	if len(Leaked(train, eval)) != 0 {
		t.Error("rows are on both sides")
	}
}

// firstOf are the first n of a permutation in ascending order, which is what Split does without copies.
func firstOf(seed int64, all, n int) (rows []int) {
	in := map[int]bool{}
	for _, i := range Permutation(all, seed)[:n] {
		in[i] = true
	}
	for i := range all {
		if in[i] {
			rows = append(rows, i)
		}
	}
	return rows
}

func TestSplitKeepsCopiesTogether(t *testing.T) {
	examples := numbered(1, 2, 1, 3, 2, 1, 4, 5, 1, 2)
	if got, want := Copies(examples), []Copy{{2, 0}, {4, 1}, {5, 0}, {8, 0}, {9, 1}}; !reflect.DeepEqual(got, want) {
		t.Errorf("want %v, have %v", want, got)
	}
	for seed := range int64(50) {
		for _, share := range []float64{0.001, 0.3, 0.7, 0.999} {
			train, eval, err := Split(examples, share, seed)
			if err != nil || len(train) == 0 || len(eval) == 0 || len(train)+len(eval) != len(examples) {
				t.Fatalf("seed %d, share %v: %v, %v, %v", seed, share, train, eval, err)
			}
			if leaked := Leaked(train, eval); len(leaked) > 0 {
				t.Fatalf("seed %d, share %v: %v are on both sides", seed, share, leaked)
			}
		}
	}
	if got := Leaked(numbered(7, 1), numbered(1, 9)); !reflect.DeepEqual(got, []Copy{{0, 1}}) {
		t.Errorf("have %v", got)
	}
	for _, c := range []struct {
		examples []Example
		share    float64
	}{{examples, 0}, {examples, 1}, {numbered(1), 0.5}, {numbered(1, 1), 0.5}, {nil, 0.5}} {
		if _, _, err := Split(c.examples, c.share, 1); err == nil {
			t.Errorf("%v of %d rows: want an error", c.share, len(c.examples))
		}
	}
}

func TestLengths(t *testing.T) {
	var examples []Example
	for n := 200; n > 0; n-- {
		examples = append(examples, Example{IDs: make([]int32, n)})
	}
	if got, want := LengthsOf(examples), (Lengths{1, 100, 180, 198, 200}); got != want {
		t.Errorf("want %+v, have %+v", want, got)
	}
	if got, want := LengthsOf(examples[:1]), (Lengths{200, 200, 200, 200, 200}); got != want {
		t.Errorf("want %+v, have %+v", want, got)
	}
	if LengthsOf(nil) != (Lengths{}) {
		t.Error("want nothing of nothing")
	}
}
