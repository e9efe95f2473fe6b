package gpu

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/vulora/vulora/tensor/kernel"
)

// An operand is what a contract says of one operand.
type operand struct {
	name   string
	elems  uint64 // the least number of elements
	dtype  kernel.DType
	word   bool // any type of four bytes will do
	absent bool // not given in this launch

	choice     []kernel.DType // of the storage type, which chooses the shader; nil: it is dtype
	rows, cols uint32         // of a matrix with a choice
}

func floats(name string, dims ...uint32) operand { return operand{name: name, elems: product(dims...)} }

func ints(name string, dims ...uint32) operand {
	return operand{name: name, elems: product(dims...), dtype: kernel.I32}
}

// stored is a matrix whose storage type chooses the shader. If that is quantised, its scales follow in the list.
func stored(name string, rows, cols uint32, choice []kernel.DType) operand {
	return operand{name: name, elems: product(rows, cols), choice: choice, rows: rows, cols: cols}
}

// scales are those of o, stored as d.
func (o operand) scales(d kernel.DType) operand {
	if d == kernel.I8 {
		return floats(o.name+"'s scales", o.rows)
	}
	return floats(o.name+"'s scales", o.rows, o.cols/kernel.BlockSize)
}

// withScales returns the inputs of a launch with the scales of a matrix that is quantised.
func withScales(in []operand, l *kernel.Launch) []operand {
	for i, o := range in {
		if o.choice != nil && i < len(l.In) && l.In[i].DType.Quantized() {
			return slices.Insert(in, i+1, o.scales(l.In[i].DType))
		}
	}
	return in
}

// strided is rows of cols elements, stride elements apart, from element off on.
func strided(name string, rows, stride, off, cols uint32) operand {
	if rows == 0 || cols == 0 {
		return operand{name: name}
	}
	return operand{name: name, elems: uint64(rows-1)*uint64(stride) + uint64(off) + uint64(cols)}
}

// optional is an operand, the last of its list, that is there only if it is used. The shader has a binding for it
// anyway.
func optional(used uint32, o operand) operand {
	o.absent = used == 0
	return o
}

// product saturates: what does not fit in 64 bits fits in no operand.
func product(dims ...uint32) uint64 {
	n := uint64(1)
	for _, d := range dims {
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 {
			return math.MaxUint64
		}
		n = lo
	}
	return n
}

// checkAll compares the operands of a launch with its contract, and returns the name of the storage type of the operand
// that has a choice, if there is one.
func checkAll(out, in []operand, l *kernel.Launch, maxRange uint64) (string, error) {
	if n := len(in); n > 0 && in[n-1].absent {
		in = in[:n-1]
	}
	if len(l.Out) != len(out) || len(l.In) != len(in) {
		return "", fmt.Errorf("want %d outputs and %d inputs, have %d and %d", len(out), len(in), len(l.Out), len(l.In))
	}
	stored := ""
	for i, o := range out {
		if err := o.check(l.Out[i], maxRange); err != nil {
			return "", err
		}
	}
	for i, o := range in {
		if err := o.check(l.In[i], maxRange); err != nil {
			return "", err
		}
		if o.choice != nil {
			stored = l.In[i].DType.String()
		}
	}
	return stored, nil
}

func (o operand) check(r kernel.Range, maxRange uint64) error {
	switch {
	case o.elems == 0:
		return fmt.Errorf("%s: want positive sizes, have no elements", o.name)
	case o.choice != nil && !slices.Contains(o.choice, r.DType):
		return fmt.Errorf("%s: want one of %v, have %v", o.name, o.choice, r.DType)
	case fourBits(r.DType) && o.cols%kernel.BlockSize != 0:
		return fmt.Errorf("%s: want rows of whole blocks of %d in %v, have %d columns",
			o.name, kernel.BlockSize, r.DType, o.cols)
	case o.word && r.DType != kernel.F32 && r.DType != kernel.I32:
		return fmt.Errorf("%s: want elements of four bytes, have %v", o.name, r.DType)
	case o.choice == nil && !o.word && r.DType != o.dtype:
		return fmt.Errorf("%s: want %v, have %v", o.name, o.dtype, r.DType)
	case !holds(r, o.elems):
		return fmt.Errorf("%s: want %d elements of %v, have %d bytes", o.name, o.elems, r.DType, r.Bytes)
	case uint64(r.Bytes) > maxRange:
		return fmt.Errorf("%s: want at most %d bytes in one operand, have %d", o.name, maxRange, r.Bytes)
	}
	return nil
}

func fourBits(d kernel.DType) bool { return d == kernel.NF4 || d == kernel.FP4 }

// holds tells whether r is whole elements, n or more.
func holds(r kernel.Range, n uint64) bool {
	switch size := r.DType.Size(); {
	case r.Bytes < 0:
		return false
	case size == 0:
		return 2*uint64(r.Bytes) >= n
	default:
		return r.Bytes%size == 0 && uint64(r.Bytes/size) >= n
	}
}

// inRow checks that columns off … off+cols−1 lie within a row.
func inRow(name string, off, cols, stride uint32) error {
	if uint64(off)+uint64(cols) > uint64(stride) {
		return fmt.Errorf("%s: want columns within rows of %d, have %d from %d on", name, stride, cols, off)
	}
	return nil
}
