package data

import (
	"fmt"
	"slices"
	"testing"
)

// Every cut has all rows of the step in their order, keeps to its limit and to the micro-batches unless it may merge
// them, and no pass could take the first row of the next.
func TestCut(t *testing.T) {
	lengths := []int{7, 3, 9, 1, 1, 1, 20, 2, 5, 5, 6}
	step := Step{MicroBatches: [][]int{{3, 0, 1}, {2, 6}, {4, 5, 7, 8}, {10, 9}}}
	length := func(row int) int { return lengths[row] }
	sum := func(rows []int) (n int) {
		for _, r := range rows {
			n += length(r)
		}
		return n
	}
	for _, merge := range []bool{false, true} {
		for _, most := range []int{0, 1, 5, 10, 11, 20, 60, 1 << 40} {
			passes := Cut{Tokens: most, Merge: merge}.Passes(step, length)
			name := fmt.Sprintf("at most %d, merge %v: %v", most, merge, passes)
			if all := slices.Concat(passes...); !slices.Equal(all, slices.Concat(step.MicroBatches...)) {
				t.Errorf("%s: want all rows in order", name)
			}
			for i, p := range passes {
				if most > 0 && len(p) > 1 && sum(p) > most {
					t.Errorf("%s: pass %d has %d tokens", name, i, sum(p))
				}
				if i+1 == len(passes) {
					break
				}
				apart := !merge && slices.ContainsFunc(step.MicroBatches, func(m []int) bool { return m[len(m)-1] == p[len(p)-1] })
				if !apart && (most == 0 || sum(p)+length(passes[i+1][0]) <= most) {
					t.Errorf("%s: pass %d has room for a row of the next", name, i)
				}
			}
		}
	}
	whole := Cut{}.Passes(step, length)
	if !slices.EqualFunc(whole, step.MicroBatches, slices.Equal[[]int]) {
		t.Errorf("the zero value: want the micro-batches, have %v", whole)
	}
}
