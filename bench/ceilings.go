package bench

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/vulora/vulora/tensor/kernel"
)

// Ceilings are what a device can do at best, as measured.
type Ceilings struct {
	FLOPS     float64 `json:"f32_flops"`         // multiply-adds of float32 in registers, two FLOP each, per second
	BF16FLOPS float64 `json:"bf16_flops"`        // the same where products may round their factors to bfloat16
	Copy      float64 `json:"copy_bytes"`        // bytes read and written per second by a large copy
	Read      float64 `json:"read_bytes"`        // bytes per second read by a product of one row with a large matrix
	Launch    float64 `json:"seconds_by_launch"` // seconds that one more launch in a program takes
}

// flops is the ceiling of a row's rounding.
func (c Ceilings) flops(rounding string) float64 {
	if rounding == "bf16" {
		return c.BF16FLOPS
	}
	return c.FLOPS
}

// Memory is the ceiling of bytes per second. Many processors read a line before they write it, which a copy shows.
func (c Ceilings) Memory() float64 { return max(c.Copy, c.Read) }

// Best returns the better of two measurements of each ceiling: what other programs disturbed less.
func (c Ceilings) Best(x Ceilings) Ceilings {
	return Ceilings{FLOPS: max(c.FLOPS, x.FLOPS), BF16FLOPS: max(c.BF16FLOPS, x.BF16FLOPS), Copy: max(c.Copy, x.Copy),
		Read: max(c.Read, x.Read), Launch: min(c.Launch, x.Launch)}
}

// Measure measures d's ceilings, for a few seconds.
func Measure(d kernel.Device) (c Ceilings, err error) {
	if c.FLOPS, err = Peak(d, kernel.Exact, runs); err != nil {
		return c, fmt.Errorf("bench: peak: %w", err)
	}
	if c.BF16FLOPS, err = Peak(d, kernel.RoundBF16, runs); err != nil {
		return c, fmt.Errorf("bench: peak: %w", err)
	}
	if c.Copy, err = copyRate(d); err != nil {
		return c, fmt.Errorf("bench: copy: %w", err)
	}
	if c.Read, err = readRate(d); err != nil {
		return c, fmt.Errorf("bench: read: %w", err)
	}
	if c.Launch, err = launchCost(d); err != nil {
		return c, fmt.Errorf("bench: launch: %w", err)
	}
	return c, nil
}

// Peak returns the most FLOP/s that d does in products of a precision, the best of some runs. It doubles the work until
// a run takes a twentieth of a second.
func Peak(d kernel.Device, precision uint32, runs int) (float64, error) {
	items, turns := uint32(4096), uint32(64)
	if d.Info().Kind == "cpu" {
		items, turns = 4, 1<<18
	}
	y, err := d.Alloc(int64(items)*4<<10, kernel.Staging)
	if err != nil {
		return 0, err
	}
	defer y.Free()
	for {
		s := kernel.Peak{Items: items, Turns: turns, Precision: precision}
		out := kernel.Range{Buffer: y, Bytes: 4 * int64(items)}
		t, err := fastestOf(d, []kernel.Launch{{Sizes: s, Out: []kernel.Range{out}}}, runs)
		if err != nil {
			return 0, err
		}
		if t > 0.05 || items >= 4096<<10 {
			return 2 * kernel.PeakOps * float64(items) * float64(turns) / t, nil
		}
		items *= 2
	}
}

// copyRate copies a buffer that no cache holds.
func copyRate(d kernel.Device) (float64, error) {
	n := min(128<<20, d.Info().MaxRange)
	at, free, err := filled(d, n, n)
	if err != nil {
		return 0, err
	}
	defer free()
	t, err := fastest(d, []kernel.Launch{{Sizes: kernel.Copy{N: uint32(n / 4)}, Out: at[:1], In: at[1:]}})
	return 2 * float64(n) / t, err
}

// readRate reads a float32 matrix that no cache holds, with nothing else to do for each element than a multiply-add.
func readRate(d kernel.Device) (float64, error) {
	const k = 4096
	n := min(128<<20, d.Info().MaxRange) / (4 * k)
	at, free, err := filled(d, 4*n, 4*k, 4*n*k)
	if err != nil {
		return 0, err
	}
	defer free()
	s := kernel.Linear{T: 1, N: uint32(n), K: k, YStride: uint32(n)}
	t, err := fastest(d, []kernel.Launch{{Sizes: s, Out: at[:1], In: at[1:]}})
	return float64(at[2].Bytes) / t, err
}

// filled allocates ranges of float32 and writes ones to them: memory that was never written may be one page of zeros,
// mapped again and again.
func filled(d kernel.Device, bytes ...int64) (at []kernel.Range, free func(), err error) {
	free = func() {
		for _, r := range at {
			r.Buffer.Free()
		}
	}
	for _, n := range bytes {
		b, err := d.Alloc(n, kernel.Staging)
		if err != nil {
			free()
			return nil, nil, err
		}
		at = append(at, kernel.Range{Buffer: b, Bytes: n})
		one := math.Float32bits(1)
		if err := b.Write(0, slices.Repeat(binary.LittleEndian.AppendUint32(nil, one), int(n/4))); err != nil {
			free()
			return nil, nil, err
		}
	}
	return at, free, nil
}

// launchCost compares programs of many and of few launches, each of which waits for the one before.
func launchCost(d kernel.Device) (float64, error) {
	b, err := d.Alloc(4096, kernel.Staging)
	if err != nil {
		return 0, err
	}
	defer b.Free()
	run := func(n int) (float64, error) {
		l := make([]kernel.Launch, n)
		out := []kernel.Range{{Buffer: b, Bytes: 4096}}
		for i := range l {
			l[i] = kernel.Launch{Sizes: kernel.Scale{N: 1024, K: 1}, Out: out, Barrier: true}
		}
		return fastest(d, l)
	}
	const few, many = 10, 1010
	short, err := run(few)
	if err != nil {
		return 0, err
	}
	long, err := run(many)
	return max(0, long-short) / (many - few), err
}

// runs are how often what gives a ceiling is run.
const runs = 6

func fastest(d kernel.Device, l []kernel.Launch) (float64, error) { return fastestOf(d, l, runs) }

// fastestOf compiles l and returns the seconds of the fastest of some runs: a ceiling is what other programs did not
// disturb.
func fastestOf(d kernel.Device, l []kernel.Launch, runs int) (float64, error) {
	p, err := d.Compile(l, kernel.CompileOptions{})
	if err != nil {
		return 0, err
	}
	defer p.Close()
	all, err := times(p, runs, 10*time.Second)
	if err != nil {
		return 0, err
	}
	return all[0], nil
}

// times runs p as often as runs says, or until most has passed if that is earlier, but at least once, after a run that
// does not count. It returns the seconds of each run in ascending order.
func times(p kernel.Program, runs int, most time.Duration) (all []float64, err error) {
	if err := p.Run(); err != nil {
		return nil, err
	}
	for begun := time.Now(); len(all) < runs && (len(all) == 0 || time.Since(begun) < most); {
		start := time.Now()
		if err := p.Run(); err != nil {
			return nil, err
		}
		all = append(all, time.Since(start).Seconds())
	}
	slices.Sort(all)
	return all, nil
}
