package lora

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// Steps leave nothing behind: not on the Go heap, where half a kilobyte each would be found, not on the device, and no
// goroutines.
func TestMemoryIsFlat(t *testing.T) {
	const warm, last, most = 40, 200, 80 << 10 // steps, steps, bytes
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		type taken struct {
			heap       int64
			device     kernel.Usage
			goroutines int
		}
		take := func() taken {
			debug.FreeOSMemory() // collects garbage, twice so that what has finalizers goes too
			debug.FreeOSMemory()
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			return taken{int64(s.HeapAlloc), d.Usage(), runtime.NumGoroutine()}
		}
		m := loadModel(t, d, "model-tiny")
		c := resumable(m, "")
		c.Batches, c.Cut = data.Schedule{BatchSize: 2, Accumulation: 2, MaxSteps: last}, data.Cut{Tokens: 40, Merge: true}
		var before, after taken
		c.Observers = []Observer{{OnStep: func(p Progress) error {
			switch p.Step {
			case warm:
				before = take()
			case last:
				after = take()
			}
			return nil
		}}}
		if _, err := Train(context.Background(), m, newAdapterFor(t, m, 0.1), c); err != nil {
			t.Fatal(err)
		}
		if grown := after.heap - before.heap; grown > most {
			t.Errorf("the heap grew by %d bytes in %d steps, want at most %d", grown, last-warm, most)
		}
		if after.device != before.device || after.goroutines != before.goroutines {
			t.Errorf("want %v and %d goroutines as before, have %v and %d", before.device, before.goroutines, after.device,
				after.goroutines)
		}
	})
}
