//go:build cgo && !novulkan && !386 && !arm

package vk

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestDispatch(t *testing.T) {
	d := open(t, Options{})
	for _, n := range []uint32{1, 63, 64, 65, 1000} {
		for count := 1; count <= 3; count++ {
			c := makeChain(t, d, n, count)
			c.check(t, record(t, d, c.list, RecordOptions{}))
		}
	}
}

// The chain is long and each link reads what the one before wrote elsewhere, so a device that overlaps dispatches gets
// it wrong without barriers. Replays and splits must not change anything.
func TestChainReplaySplit(t *testing.T) {
	d := open(t, Options{})
	c := makeChain(t, d, 5000, 41)
	for _, split := range []struct {
		cost    float64
		submits int
	}{{-1, 1}, {5000, 41}, {1, 41}, {10000, 21}, {41 * 5000, 1}} {
		cmd := record(t, d, c.list, RecordOptions{MaxCostPerSubmit: split.cost})
		if cmd.Submits() != split.submits {
			t.Errorf("cost %g per submit: want %d submits, have %d", split.cost, split.submits, cmd.Submits())
		}
		for range 5 {
			c.check(t, cmd)
		}
	}
}

// TestDivide wants a dispatch that costs more than a submit may in as many submits as it takes, which together do what
// it does, and one that cannot be divided whole.
func TestDivide(t *testing.T) {
	d := open(t, Options{})
	const width, height = 3, 10
	p, err := d.Pipeline(PipelineConfig{Name: "grid", SPIRV: spirv(t, "grid"), Bindings: 1, PushBytes: 8})
	if err != nil {
		t.Fatal(err)
	}
	y := alloc(t, d, 4*width*height, DeviceLocal)
	grid := func(add uint32, divisible bool) Dispatch {
		return Dispatch{Pipeline: p, Push: words(width, add), Groups: [3]uint32{width, height, 1}, Barrier: true, Cost: 100,
			Divisible: divisible, Bindings: []Range{{y, 0, y.Bytes()}}}
	}
	for _, x := range []struct {
		cost    float64
		submits int
	}{{-1, 1}, {300, 1}, {100, 3}, {99, 2 + 1 + 2}, {10, 10 + 1 + 10}, {3, 10 + 1 + 10}} {
		o := RecordOptions{MaxCostPerSubmit: x.cost, Timestamps: d.Info().Features.Timestamps}
		cmd := record(t, d, []Dispatch{grid(0, true), grid(10, false), grid(100, true)}, o)
		if cmd.Submits() != x.submits {
			t.Errorf("cost %g per submit: want %d submits, have %d", x.cost, x.submits, cmd.Submits())
		}
		if err := errors.Join(y.Clear(), cmd.Run()); err != nil {
			t.Fatal(err)
		}
		for i, v := range readWords(t, y) {
			if v != 1+11+101 {
				t.Errorf("cost %g per submit: workgroup %d: want %d, have %d", x.cost, i, 1+11+101, v)
			}
		}
		if times, err := cmd.Times(); err != nil || o.Timestamps && len(times) != 3 {
			t.Errorf("want 3 times, have %v, %v", times, err)
		}
	}
}

// Two recordings that depend on each other and are submitted without waiting in between.
func TestSubmitsAreOrdered(t *testing.T) {
	d := open(t, Options{})
	c := makeChain(t, d, 5000, 20)
	a := record(t, d, c.list[:7], RecordOptions{})
	b := record(t, d, c.list[7:], RecordOptions{MaxCostPerSubmit: 10000})
	for range 10 {
		if err := errors.Join(c.x.Write(0, c.start), a.Submit(), b.Submit(), b.Wait(), a.Wait()); err != nil {
			t.Fatal(err)
		}
		for i, v := range readWords(t, c.x) {
			if v != c.want[i] {
				t.Fatalf("word %d: want %d, have %d", i, c.want[i], v)
			}
		}
	}
}

func TestTimestamps(t *testing.T) {
	d := open(t, Options{})
	if !d.Info().Features.Timestamps {
		t.Skip("NOT TESTED: the device has no timestamps")
	}
	small, large := makeChain(t, d, 64, 5), makeChain(t, d, 1<<20, 3)
	list := append(small.list, large.list...)
	for _, cost := range []float64{-1, 64, 1} {
		c := record(t, d, list, RecordOptions{Timestamps: true, MaxCostPerSubmit: cost})
		if times, err := c.Times(); times != nil || err != nil {
			t.Errorf("before a run: want nothing, have %v, %v", times, err)
		}
		if err := c.Run(); err != nil { // drivers compile at the first run
			t.Fatal(err)
		}
		for range 2 {
			start := time.Now()
			if err := c.Run(); err != nil {
				t.Fatal(err)
			}
			wall := time.Since(start)
			times, err := c.Times()
			if err != nil || len(times) != len(list) {
				t.Fatalf("want %d times, have %v, %v", len(list), times, err)
			}
			var sum time.Duration
			for i, x := range times {
				if x < 0 || i >= 5 && x == 0 {
					t.Errorf("dispatch %d took %v", i, x)
				}
				sum += x
			}
			if sum > wall+wall/4 {
				t.Errorf("dispatches took %v, in a run of %v: %v", sum, wall, times)
			}
			if slices.Max(times[5:]) < slices.Min(times[:5]) {
				t.Errorf("2^20 words took %v, 64 words %v", times[5:], times[:5])
			}
		}
	}
	off := record(t, d, list, RecordOptions{})
	if err := off.Run(); err != nil {
		t.Fatal(err)
	}
	if times, err := off.Times(); times != nil || err != nil {
		t.Errorf("without timestamps: want nothing, have %v, %v", times, err)
	}
	without := open(t, Options{Disable: Features{Timestamps: true}})
	c := makeChain(t, without, 64, 1)
	if _, err := without.Record(c.list, RecordOptions{Timestamps: true}); !errors.Is(err, ErrNoFeature) {
		t.Errorf("want ErrNoFeature, have %v", err)
	}
}

func TestSubgroupSize(t *testing.T) {
	d := open(t, Options{})
	i := d.Info()
	y := alloc(t, d, 32*4, HostVisible)
	sizes := []int{0}
	if i.Features.SubgroupSize {
		for s := i.Limits.MinSubgroup; s <= i.Limits.MaxSubgroup; s *= 2 {
			sizes = append(sizes, s)
		}
	}
	for _, s := range sizes {
		p, err := d.Pipeline(PipelineConfig{Name: "subgroup", SPIRV: spirv(t, "subgroup"), Bindings: 1, SubgroupSize: s})
		if err != nil {
			t.Fatal(err)
		}
		x := Dispatch{Pipeline: p, Groups: [3]uint32{1, 1, 1}, Bindings: []Range{{y, 0, 128}}}
		if err := record(t, d, []Dispatch{x}, RecordOptions{}).Run(); err != nil {
			t.Fatal(err)
		}
		for k, v := range readWords(t, y) {
			if s != 0 && v != uint32(s) || int(v) < i.Limits.MinSubgroup || int(v) > i.Limits.MaxSubgroup {
				t.Fatalf("want subgroups of %d (%d to %d), invocation %d has %d", s, i.Limits.MinSubgroup,
					i.Limits.MaxSubgroup, k, v)
			}
		}
	}
}
