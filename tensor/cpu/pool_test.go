package cpu

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// Every item of every loop runs exactly once and before each returns, whether workers spin or sleep in between, and
// with more of them than processors.
func TestPoolEach(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 3 * runtime.GOMAXPROCS(0)} {
		p := newPool(threads)
		var runs [40]atomic.Int32
		for loop := range 300 {
			n := loop % len(runs)
			if loop%50 == 49 {
				time.Sleep(2 * spinFor)
			}
			p.each(n, func(i int, w *worker) {
				if loop%100 == 50 && w.id > 0 {
					time.Sleep(2 * spinFor) // the caller falls asleep as well
				}
				runs[i].Add(1)
			})
			for i := range runs {
				want := int32(0)
				if i < n {
					want = 1
				}
				if have := runs[i].Swap(0); have != want {
					t.Fatalf("%d threads, loop %d: want item %d run %d times, have %d", threads, loop, i, want, have)
				}
			}
		}
		p.close()
	}
}

// A pool without work leaves the processors to others.
func TestPoolIdle(t *testing.T) {
	p := newPool(2)
	defer p.close()
	p.each(2, func(int, *worker) {})
	const idle = 200 * time.Millisecond
	start := cpuSeconds()
	time.Sleep(idle)
	if busy := cpuSeconds() - start; busy > idle.Seconds()/4 {
		t.Errorf("want an idle pool to use little of %v, had %.0f ms", idle, busy*1e3)
	}
}
