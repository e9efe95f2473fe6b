package cpu

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/vulora/vulora/tensor/kernel"
)

const maxAlloc = 1 << 46 // bytes: the address space, so that sums of offsets never overflow

// Options of Open. The zero value takes the best the processor has.
type Options struct {
	Threads int      // workers; 0 means GOMAXPROCS
	ISA     string   // "amx", "avx512", "avx2" or "go"; "" means the first of ISAs
	BF16    BF16Mode // how products with precision kernel.RoundBF16 are computed
}

// A BF16Mode says when factors are rounded to bfloat16 where a launch permits it.
type BF16Mode uint8

const (
	BF16Auto  BF16Mode = iota // if a short measurement finds it faster than float32
	BF16Never                 // multiply float32
	BF16Force                 // use the processor's bfloat16 products; Open fails if there are none
)

// A Device is the processor.
type Device struct {
	v      *isa
	bf16   bool
	info   kernel.Info
	pool   *pool
	usage  [kernel.Purposes]atomic.Int64
	run    sync.Mutex // held while the pool works or scratch changes
	shared []float32  // scratch that all workers see
	closed bool
	dry    bool // counts memory and has none

	private []scratch // of each worker
	common  scratch   // of all
}

var _ kernel.Device = (*Device)(nil)

// ISAs returns the instruction sets that this processor has and this package uses, best first. The last is "go".
func ISAs() []string {
	var names []string
	for _, v := range available() {
		names = append(names, v.name)
	}
	return names
}

// Open starts the workers. It fails with kernel.ErrNoFeature if the processor lacks what o asks for.
func Open(o Options) (*Device, error) {
	if o.Threads < 0 || o.Threads > maxWorkers {
		return nil, fmt.Errorf("cpu: open: want 0 … %d threads, had %d", maxWorkers, o.Threads)
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	d := &Device{}
	for _, v := range available() {
		if o.ISA == "" || o.ISA == v.name {
			d.v = v
			break
		}
	}
	if d.v == nil {
		return nil, fmt.Errorf("cpu: open: %w: want instruction set %q, had %v", kernel.ErrNoFeature, o.ISA, ISAs())
	}
	switch {
	case o.BF16 == BF16Force && d.v.bf16 == nil:
		return nil, fmt.Errorf("cpu: open: %w: bfloat16 products in %q", kernel.ErrNoFeature, d.v.name)
	case o.BF16 == BF16Force:
		d.bf16 = true
	case o.BF16 == BF16Auto && d.v.bf16 != nil:
		d.bf16 = d.v.bf16Faster()
	}
	d.pool, d.private = newPool(o.Threads), make([]scratch, o.Threads)
	d.info = kernel.Info{
		Name:      fmt.Sprintf("CPU (%s, %d threads)", d.v.title, o.Threads),
		Kind:      "cpu",
		Tier:      d.v.name,
		BF16:      d.bf16,
		Memory:    systemMemory(),
		Alignment: alignment,
		MaxRange:  maxAlloc,
		MaxAlloc:  maxAlloc,
	}
	if o.Threads == 1 {
		d.info.Name = fmt.Sprintf("CPU (%s, 1 thread)", d.v.title)
	}
	return d, nil
}

func (d *Device) Info() kernel.Info { return d.info }

// Usage counts imported memory as well as allocated.
func (d *Device) Usage() (u kernel.Usage) {
	for p := range u {
		u[p] = d.usage[p].Load()
	}
	return u
}

func (d *Device) use(p kernel.Purpose, bytes int64) { d.usage[p].Add(bytes) }

func (d *Device) Close() error {
	d.run.Lock()
	defer d.run.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	d.freeScratch()
	if !d.dry {
		d.pool.close()
	}
	return nil
}
