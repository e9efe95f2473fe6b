package gpu

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/vulora/vulora/tensor/kernel"
)

// traits are the facts of a device that decide how a kernel is run on it.
type traits struct {
	lanes    uint32 // workgroup size of variants that use no shared memory
	group    uint32 // workgroup size of variants whose lanes share an item
	subgroup uint32 // size of a subgroup whose lanes can exchange values, if all have the same; 0: they cannot
	shared   bool   // shared memory and barriers may be used
	wide     bool   // large register tiles pay: loads are dear and registers are memory
	turns    uint64 // a shader's loops end after so many turns in all; 0: never
	parts    uint32 // into which the sum of a large operand is divided, at most maxParts
	loops    uint32 // workgroups of kernels whose invocations go on to further elements
	maxX     uint32 // workgroups in one dispatch
	maxY     uint32
	maxRange uint64  // bytes of one operand
	cost     float64 // FLOP that one submit should have, by which long dispatches are divided; 0: any
	matrix   shape   // of bfloat16 matrices
	half     shape   // of float16 matrices
	most     uint32  // lanes of a workgroup
	// sharedBytes is the shared memory of a workgroup.
	sharedBytes uint32
	tiles       []matrixTile // of products of matrices, largest first
	tile        int          // tests: take tiles[tile-1]; 0: by size
	forced      bool         // tests: take the variant only where there is one of that name
	only        string
}

// A step is one dispatch: a shader, how it is specialized, its operands and how many workgroups are started.
type step struct {
	launch kernel.Launch
	bound  int // bindings: the operands, and those of the contract that the launch does without
	shader string
	spec   []uint32 // by constant id
	groups [3]uint32
	cost   float64 // FLOP
	// subgroup is the size that subgroups must have; 0: any.
	subgroup uint32
	// divisible tells that parts of the workgroups along y may be started by themselves.
	divisible bool
}

// An entry tells how one kernel is checked and run.
type entry[S kernel.Sizes] struct {
	check    func(s S) error               // what must hold between the sizes; nil: nothing
	operands func(s S) (out, in []operand) // as in the kernel's contract
	flops    func(s S) float64             // by which vk divides work among submits; nil: one per element
	variants []variant[S]                  // best first; for all sizes there is one
	// divide returns the launches that do the work of l where one dispatch cannot, else nil. They may share scratch,
	// which is written and read by nobody else.
	divide func(t traits, s S, l kernel.Launch, scratch kernel.Range) []kernel.Launch
}

// A variant is one shader for a kernel.
type variant[S kernel.Sizes] struct {
	words string         // what is special: the shader's name without the kernel's name and the storage type
	needs need           // of the device
	when  func(s S) bool // sizes it is good for; nil: all
	work  func(t traits, s S) work
	// before returns launches whose results the variant reads from scratch, which is its last binding; nil: it has
	// none.
	before func(s S, l kernel.Launch, scratch kernel.Range) []kernel.Launch
}

// A need is what a variant asks of a device. With any but none a workgroup shares an item, without it each invocation
// has one.
type need uint8

const (
	none      need = iota
	sharing        // shared memory and barriers
	exchanges      // lanes of a subgroup, which is a workgroup, exchange values
	matrices       // subgroups multiply matrices of bfloat16
	halves         // ... of float16
)

// has tells whether a device can run variants that need n, and lanes how large their workgroups are.
func (t traits) has(n need) bool {
	switch n {
	case sharing:
		return t.shared
	case exchanges:
		return t.subgroup != 0
	case matrices:
		return t.shared && t.matrix != shape{}
	case halves:
		return t.shared && t.half != shape{}
	}
	return true
}

func (n need) lanes(t traits) uint32 {
	switch n {
	case sharing:
		return t.group
	case exchanges:
		return t.subgroup
	}
	return t.lanes
}

// subgroup is the size that subgroups must have for n; 0: any.
func (n need) subgroup(t traits) uint32 {
	switch n {
	case exchanges:
		return t.subgroup
	case matrices:
		return t.matrix.subgroup
	case halves:
		return t.half.subgroup
	}
	return 0
}

// work is how a variant divides a launch.
type work struct {
	items uint64   // rows, tiles or elements
	loops bool     // an invocation goes on to further items if there are fewer invocations than items
	lanes uint32   // workgroup size; 0: the device's
	spec  []uint32 // specialization constants from 1 on
	turns uint64   // of the loops of one invocation, where they can be many
}

// A lowerer is an entry of any kernel.
type lowerer interface {
	sizes() reflect.Type
	lower(t traits, l kernel.Launch, scratch kernel.Range) ([]step, error)
	words(t traits, l kernel.Launch, scratch kernel.Range) []string
}

// kernels holds every kernel by the type of its sizes.
var kernels = index(linearKernels, normKernels, attentionKernels, rowKernels, lossKernels, elementKernels, optimKernels,
	adafactorKernels, peakKernels, matrixKernels)

func index(families ...[]lowerer) map[reflect.Type]lowerer {
	all := map[reflect.Type]lowerer{}
	for _, family := range families {
		for _, e := range family {
			all[e.sizes()] = e
		}
	}
	return all
}

// lower checks a launch against its kernel's contract and chooses how to run it.
func lower(t traits, l kernel.Launch, scratch kernel.Range) ([]step, error) {
	e, ok := kernels[reflect.TypeOf(l.Sizes)]
	if !ok {
		return nil, fmt.Errorf("want the sizes of a kernel, have %T", l.Sizes)
	}
	s, err := e.lower(t, l, scratch)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.Sizes.Kernel(), err)
	}
	return s, nil
}

func (e entry[S]) sizes() reflect.Type { return reflect.TypeFor[S]() }

func (e entry[S]) lower(t traits, l kernel.Launch, scratch kernel.Range) ([]step, error) {
	s := l.Sizes.(S)
	if e.check != nil {
		if err := e.check(s); err != nil {
			return nil, err
		}
	}
	out, in := e.operands(s)
	in = withScales(in, &l)
	stored, err := checkAll(out, in, &l, t.maxRange)
	if err != nil {
		return nil, err
	}
	if parts := e.parts(t, l, scratch); parts != nil {
		return lowerParts(t, parts, scratch)
	}
	err = errors.New("want a variant for these sizes, have none")
	for _, v := range e.usable(t, s) {
		w := v.work(t, s)
		if t.turns != 0 && w.turns > t.turns {
			err = fmt.Errorf("want at most %d turns of a loop on this device, have %d", t.turns, w.turns)
			continue
		}
		if w.lanes == 0 {
			w.lanes = v.needs.lanes(t)
		}
		cost := e.cost(s, out, in)
		groups, err := w.groups(t, v.needs != none, cost)
		if err != nil {
			return nil, err
		}
		spec := append([]uint32{w.lanes}, w.spec...)
		name := shaderName(s.Kernel(), stored, v.words)
		st := step{launch: l, bound: len(out) + len(in), shader: name, spec: spec, groups: groups, cost: cost,
			divisible: !w.loops, subgroup: v.needs.subgroup(t)}
		if v.before == nil {
			return []step{st}, nil
		}
		steps, err := lowerParts(t, v.before(s, l, scratch), scratch)
		st.launch.Barrier, st.bound = true, st.bound+1
		return append(steps, st), err
	}
	return nil, err
}

func (e entry[S]) parts(t traits, l kernel.Launch, scratch kernel.Range) []kernel.Launch {
	if e.divide == nil {
		return nil
	}
	return e.divide(t, l.Sizes.(S), l, scratch)
}

// lowerParts lowers launches that follow on each other: each waits for the one before, and the first for whoever used
// the scratch before.
func lowerParts(t traits, parts []kernel.Launch, scratch kernel.Range) (all []step, err error) {
	for _, l := range parts {
		l.Barrier = true
		s, err := lower(t, l, scratch)
		if err != nil {
			return nil, err
		}
		all = append(all, s...)
	}
	return all, nil
}

// usable returns the variants that the device and the sizes allow, best first.
func (e entry[S]) usable(t traits, s S) (list []variant[S]) {
	for _, v := range e.variants {
		if t.has(v.needs) && (v.when == nil || v.when(s)) {
			if t.forced && t.only == v.words {
				return []variant[S]{v}
			}
			list = append(list, v)
		}
	}
	return list
}

// words lists the variants that can run l, or one of its parts.
func (e entry[S]) words(t traits, l kernel.Launch, scratch kernel.Range) (list []string) {
	t.forced = false
	for _, p := range e.parts(t, l, scratch) {
		list = append(list, kernels[reflect.TypeOf(p.Sizes)].words(t, p, scratch)...)
	}
	if list != nil {
		return list
	}
	for _, v := range e.usable(t, l.Sizes.(S)) {
		list = append(list, v.words)
	}
	return list
}

func (e entry[S]) cost(s S, out, in []operand) float64 {
	if e.flops != nil {
		return e.flops(s)
	}
	words := 0.0
	for _, o := range out {
		words += float64(o.elems)
	}
	for _, o := range in {
		words += float64(o.elems)
	}
	return words
}

// groups returns the workgroups for w, folded into two dimensions where one does not hold them, or where they cost so
// much that they are to be started in parts.
func (w work) groups(t traits, together bool, cost float64) ([3]uint32, error) {
	n := w.items
	if !together {
		n = (n + uint64(w.lanes) - 1) / uint64(w.lanes)
	}
	if w.loops {
		n = min(n, uint64(min(t.loops, t.maxX)))
	}
	x := min(n, uint64(t.maxX))
	if !w.loops && t.cost > 0 && cost > t.cost {
		parts := uint64(min(math.Ceil(cost/t.cost), float64(n), float64(t.maxY)))
		x = min(x, (n+parts-1)/parts)
	}
	y := (n + x - 1) / x
	if y > uint64(t.maxY) {
		return [3]uint32{}, fmt.Errorf("want at most %d x %d workgroups, have %d", t.maxX, t.maxY, n)
	}
	return [3]uint32{uint32(x), uint32(y), 1}, nil
}

// shaderName joins a kernel's name, the storage type of the operand that has a choice, and a variant's words.
func shaderName(kernel string, stored, words string) string {
	parts := []string{kernel}
	for _, p := range []string{stored, words} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ".")
}
