package tensor

import (
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// ClipNorm scales gradients down to a norm of at most hyper[kernel.HyperMaxNorm]. Its results are g, scaled, and stats:
// the norm that it had, the factor, 1 if an element was not finite, and 0. It changes g, which must fit one operand,
// and has no gradient.
//
//	g: [N]   hyper: [kernel.HyperLen]   stats: [4]
type ClipNorm struct{}

func (ClipNorm) Infer(x []Spec) ([]Spec, error) {
	if len(x) != 2 || x[0] != Of(x[0].Len()) || x[1] != Of(kernel.HyperLen) {
		return nil, fmt.Errorf("clip_norm: want g [N] and hyper [%d], have %v", kernel.HyperLen, x)
	}
	return []Spec{x[0], Of(4)}, nil
}

func (ClipNorm) Forward(r *Recorder, y, x []*Value, _ []bool) []*Value {
	n := x[0].Len()
	if most := r.rowsPerOperand(n, 4); most < n {
		r.Fail(fmt.Errorf("gradient norm: want at most %d parameters on %s, have %d: take a lower rank or fewer targets",
			most, r.info.Name, n))
	}
	own(r, y[:1], x[:1])
	r.Run(kernel.GradNorm{N: u32(n)}, vs(y[1]), vs(y[0], x[1]))
	r.Run(kernel.Clip{N: u32(n)}, vs(y[0]), vs(y[1]))
	return nil
}
