package bench

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/vulora/vulora/tensor/kernel"
)

// A Result is how fast a row ran.
type Result struct {
	Op      string  `json:"op"`
	T       uint32  `json:"tokens"`
	DType   string  `json:"dtype"`
	Seconds float64 `json:"seconds"` // median of the runs
	FLOPS   float64 `json:"flops"`   // per second
	Rate    float64 `json:"bytes"`   // per second
	// Share is what the ceilings allow divided by what it took: the larger of the time that the arithmetic takes at the
	// peak and the time that the operands take at the rate of memory.
	Share float64 `json:"share_of_ceiling"`
	Bound string  `json:"bound"` // "compute" or "memory": the larger of the two

	Rounding string `json:"rounding"` // "bf16" or "f32": what the factors of products are
}

// samples is how many elements of a result are compared with its definition.
const samples = 24

// Run verifies r on d and then times it for about most.
func Run(d kernel.Device, r Row, most time.Duration) (Result, error) {
	s, err := r.setUp(d)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", r.Name(), err)
	}
	defer s.close()
	if err := s.verify(); err != nil {
		return Result{}, fmt.Errorf("%s: %w", r.Name(), err)
	}
	all, err := times(s.program, 50, most)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", r.Name(), err)
	}
	t := all[len(all)/2] / float64(s.copies)
	return Result{Op: r.Op, T: r.T, DType: r.DType.String(), Seconds: t, FLOPS: r.FLOP / t, Rate: r.Bytes / t,
		Rounding: r.Rounding()}, nil
}

// Against sets the share of the ceilings c.
func (r *Result) Against(c Ceilings) {
	compute, memory := r.FLOPS/c.flops(r.Rounding), r.Rate/c.Memory()
	r.Share, r.Bound = max(compute, memory), "compute"
	if memory > compute {
		r.Bound = "memory"
	}
}

// A setting is a row on a device, several times over where caches would hold its operands from one run to the next: a
// step of training or generation goes through all layers before it comes back to one.
type setting struct {
	row     Row
	copies  int
	program kernel.Program
	buffers []kernel.Buffer
	in      []values
	old     values // what out[0] holds before the first run
}

// Operands together are made this large, but not of more copies than mostCopies.
const (
	beyondCache = 96 << 20 // bytes
	mostCopies  = 48
)

func (r Row) setUp(d kernel.Device) (*setting, error) {
	s := &setting{row: r, copies: 1}
	rng := rand.New(rand.NewPCG(1, 2))
	if r.places {
		s.old = r.out[0].encode(rng)
	}
	for _, o := range r.in {
		s.in = append(s.in, o.encode(rng))
	}
	total := bytes(append(append([]operand{}, r.out...), r.in...)...)
	for s.copies < mostCopies && float64(s.copies)*total < beyondCache {
		s.copies++
	}
	var l []kernel.Launch
	for range s.copies {
		x, err := s.launch(d)
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		l = append(l, x)
	}
	var err error
	if s.program, err = d.Compile(l, kernel.CompileOptions{}); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// launch makes one launch with operands of its own. The first output of the first is buffers[0].
func (s *setting) launch(d kernel.Device) (l kernel.Launch, err error) {
	l.Sizes, l.Where, l.Barrier = s.row.sizes, s.row.Name(), true
	for i, o := range s.row.out {
		v := values{}
		if i == 0 {
			v = s.old
		}
		l.Out = append(l.Out, s.place(d, o, v, &err))
	}
	for i, o := range s.row.in {
		l.In = append(l.In, s.place(d, o, s.in[i], &err))
	}
	return l, err
}

// place allocates o and fills it with v, if v has contents. After an error it does nothing.
func (s *setting) place(d kernel.Device, o operand, v values, err *error) kernel.Range {
	n := o.dtype.Bytes(int64(o.n))
	if *err != nil {
		return kernel.Range{}
	}
	var b kernel.Buffer
	if b, *err = d.Alloc((n+3)/4*4, kernel.Activations); *err != nil {
		return kernel.Range{}
	}
	s.buffers = append(s.buffers, b)
	if v.data != nil {
		*err = b.Write(0, v.data)
	}
	return kernel.Range{Buffer: b, Bytes: n, DType: o.dtype}
}

// verify compares some elements of the first result of a first run.
func (s *setting) verify() error {
	if err := s.program.Run(); err != nil {
		return err
	}
	r := &s.row
	got := values{dtype: r.out[0].dtype, data: make([]byte, r.out[0].dtype.Bytes(int64(r.out[0].n)))}
	if err := s.buffers[0].Read(0, got.data); err != nil {
		return err
	}
	var at [samples]int
	var want [samples]float64
	rng, square := rand.New(rand.NewPCG(3, 4)), 0.0
	for j := range at {
		at[j] = rng.IntN(r.out[0].n)
		if j == 0 {
			at[j] = r.out[0].n - 1
		}
		if r.pick != nil {
			at[j] = r.pick(at[j])
		}
		want[j] = r.define(s.in, s.old, at[j])
		square += want[j] * want[j] / samples
	}
	for j, i := range at {
		if e := math.Abs(got.at(i) - want[j]); !(e <= r.tol*math.Sqrt(square)) {
			return fmt.Errorf("element %d: want %g, have %g, which is off by more than %g", i, want[j], got.at(i),
				r.tol*math.Sqrt(square))
		}
	}
	return nil
}

func (s *setting) close() (err error) {
	if s.program != nil {
		err = s.program.Close()
	}
	for _, b := range s.buffers {
		b.Free()
	}
	return err
}
