package tensor

// An Op is one operation on values.
type Op interface {
	// Infer checks the operands' shapes and types and returns those of the results.
	Infer(x []Spec) ([]Spec, error)
	// Forward records the results y from x and returns what Backward needs; exactly that stays alive.
	// need[i] tells whether the gradient for x[i] will be asked for.
	Forward(r *Recorder, y, x []*Value, need []bool) (saved []*Value)
}

// A Differentiable op has a gradient. An op that is not cannot be recorded under a value that needs one.
type Differentiable interface {
	Op
	// Backward records the gradients of the operands where need[i]; other entries are nil. dy[i] is nil for a
	// result that nothing depends on; at least one is not. Entries may be dy's own values or repeat each other.
	Backward(r *Recorder, dy, saved []*Value, need []bool) (dx []*Value)
}

func vs(x ...*Value) []*Value { return x }

func u32(n int) uint32 { return uint32(n) }

func flag(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// anyOf reports whether one of need is set.
func anyOf(need []bool) bool {
	for _, n := range need {
		if n {
			return true
		}
	}
	return false
}
