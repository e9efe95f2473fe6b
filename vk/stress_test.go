//go:build cgo && !novulkan && !386 && !arm

package vk

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The garbage collector runs all the time while commands are recorded, submitted and freed: memory given to C must not
// be the collector's. VULORA_STRESS is the test's length in seconds; run it with GODEBUG=clobberfree=1 and
// MALLOC_PERTURB_=165, which overwrite what is freed.
func TestGarbageCollectionStress(t *testing.T) {
	d := open(t, Options{NoHostMapping: true})
	length := 3 * time.Second
	if s := os.Getenv("VULORA_STRESS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("VULORA_STRESS: %v", err)
		}
		length = time.Duration(n) * time.Second
	}
	var stop atomic.Bool
	var litter [4][]byte
	var collectors, workers sync.WaitGroup
	for i := range litter {
		collectors.Go(func() {
			for !stop.Load() {
				for n := 16; n < 4096; n *= 2 {
					litter[i] = make([]byte, n)
				}
				runtime.GC()
			}
		})
	}
	var runs atomic.Int64
	for w := range 3 {
		c := makeChain(t, d, 1000+uint32(w), 64)
		kept := record(t, d, c.list, RecordOptions{MaxCostPerSubmit: 4000})
		workers.Go(func() {
			for start := time.Now(); time.Since(start) < length && !t.Failed(); runs.Add(2) {
				c.verify(t, kept)
				fresh, err := d.Record(c.list, RecordOptions{Timestamps: d.Info().Features.Timestamps})
				if err != nil {
					t.Error(err)
					return
				}
				c.verify(t, fresh)
				if _, err := fresh.Times(); err != nil {
					t.Error(err)
				}
				fresh.Close()
			}
		})
	}
	workers.Wait()
	stop.Store(true)
	collectors.Wait()
	t.Logf("%d runs of 64 dispatches", runs.Load())
	if runs.Load() < 6 {
		t.Error("too few runs to mean anything")
	}
}

// verify is check for goroutines that must not end the test.
func (c chain) verify(t *testing.T, cmd *Commands) {
	have := make([]byte, len(c.start))
	for _, f := range []func() error{
		func() error { return c.x.Write(0, c.start) },
		cmd.Run,
		func() error { return c.x.Read(0, have) },
	} {
		if err := f(); err != nil {
			t.Error(err)
			return
		}
	}
	if string(have) != string(words(c.want...)) {
		t.Error("wrong result")
	}
}
