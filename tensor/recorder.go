package tensor

import (
	"errors"
	"fmt"

	"github.com/vulora/vulora/tensor/kernel"
)

// A Value is a tensor in a recording. It has no memory of its own until the recording is planned, unless it stands for
// a Tensor.
type Value struct {
	Spec
	tensor *Tensor // the memory it stands for, nil for a temporary
	base   *Value  // the value it is a part of, nil for a whole one
	offset int64   // bytes into base
}

// root returns the value whose memory v lies in, and the offset in bytes.
func (v *Value) root() (*Value, int64) {
	at := int64(0)
	for v.base != nil {
		at += v.offset
		v = v.base
	}
	return v, at
}

// launch is one kernel over values. Out[0] replaces takes if that is set: the kernel works in place.
type launch struct {
	sizes   kernel.Sizes
	out, in []*Value
	takes   *Value
	where   string
}

// A Recorder collects launches. Its first error sticks and later calls do nothing, so that model code needs no
// checks: NewPlan returns the error with the place where it arose.
type Recorder struct {
	info     kernel.Info
	launches []launch
	where    string
	bound    map[*Tensor]*Value
	err      error
}

// NewRecorder returns an empty recording for a device, whose limits decide how ops are tiled.
func NewRecorder(d kernel.Device) *Recorder {
	return &Recorder{info: d.Info(), bound: map[*Tensor]*Value{}}
}

// Temp returns a new value for the planner to place.
func (r *Recorder) Temp(s Spec) *Value {
	if s.Len() == 0 {
		r.Fail(errors.New("want a value with one to four positive dimensions"))
	}
	return &Value{Spec: s}
}

// Bind returns the value that stands for t.
func (r *Recorder) Bind(t *Tensor) *Value {
	if v := r.bound[t]; v != nil {
		return v
	}
	v := &Value{Spec: t.Spec, tensor: t}
	r.bound[t] = v
	return v
}

// Slice returns the part of v with count rows of its outermost dimension from first on; it shares v's memory.
func (r *Recorder) Slice(v *Value, first, count int) *Value {
	n := v.Dim(0)
	if first < 0 || count <= 0 || first+count > n {
		r.Fail(fmt.Errorf("slice: want rows in [0, %d), have %d of them from %d", n, count, first))
		return v
	}
	s := v.Spec
	s.d[0] = count
	return &Value{Spec: s, base: v, offset: v.Bytes() / int64(n) * int64(first)}
}

// Run appends a launch. What it writes it overwrites, except where the kernel's contract says "in place": then the
// output must be a value that nobody else has seen, or stand for a tensor.
func (r *Recorder) Run(sizes kernel.Sizes, out, in []*Value) {
	if r.err == nil {
		r.launches = append(r.launches, launch{sizes: sizes, out: out, in: in, where: r.where})
	}
}

// RunInPlace appends a launch that makes out[0] from old in place. The planner lets it have old's memory if
// nothing needs old any more, and copies old first otherwise.
func (r *Recorder) RunInPlace(sizes kernel.Sizes, old *Value, out, in []*Value) {
	if old.Spec != out[0].Spec {
		r.Fail(fmt.Errorf("%s: want an equal result in place of %v, have %v", sizes.Kernel(), old.Spec, out[0].Spec))
	}
	if r.err == nil {
		r.launches = append(r.launches, launch{sizes: sizes, out: out, in: in, takes: old, where: r.where})
	}
}

// Place makes v, a temporary, lie in t, so that its result can be read or used by other programs. A value that has a
// place already is copied.
func (r *Recorder) Place(v *Value, t *Tensor) {
	if v.Spec.Len() != t.Spec.Len() || v.DType != t.DType {
		r.Fail(fmt.Errorf("place: want a tensor of %v, have %v", v.Spec, t.Spec))
		return
	}
	if v.tensor == nil && v.base == nil {
		v.tensor = t
		return
	}
	r.Run(kernel.Copy{N: uint32(v.Bytes() / 4)}, []*Value{r.Bind(t)}, []*Value{v})
}

// In names what fn records: errors and profiles show the path of names.
func (r *Recorder) In(name string, fn func()) {
	old := r.where
	if old != "" {
		name = old + "." + name
	}
	r.where = name
	fn()
	r.where = old
}

// At records fn under the path where, as Where returned it.
func (r *Recorder) At(where string, fn func()) {
	old := r.where
	r.where = where
	fn()
	r.where = old
}

// Where returns the path of names of what is being recorded.
func (r *Recorder) Where() string { return r.where }

// Fail keeps err, with its place, if it is the first.
func (r *Recorder) Fail(err error) {
	if r.err != nil {
		return
	}
	if r.where != "" {
		err = fmt.Errorf("%s: %w", r.where, err)
	}
	r.err = err
}

// Err returns the first error.
func (r *Recorder) Err() error { return r.err }

// rowsPerOperand returns how many of rows, of that many bytes each, one operand may span: all of them, or a multiple of
// 64, and of more where rows of an odd length need that, so that every tile is aligned.
func (r *Recorder) rowsPerOperand(rows int, rowBytes int64) int {
	if int64(rows) <= r.info.MaxRange/rowBytes {
		return rows
	}
	unit := int64(64)
	for unit*rowBytes%max(r.info.Alignment, 1) != 0 {
		unit *= 2 // ends: an alignment is a power of two
	}
	n := int(r.info.MaxRange / rowBytes / unit * unit)
	if n == 0 {
		r.Fail(fmt.Errorf("want %d rows within the %d bytes of one operand on %s, have rows of %d bytes", unit,
			r.info.MaxRange, r.info.Name, rowBytes))
		return rows
	}
	return n
}
