package cpu

import (
	"sync/atomic"
	"time"
)

// spinFor is how long a waiting thread looks again and again before it sleeps: a step of decoding is hundreds of
// short loops, one right after the other, and waking a thread costs a good part of one.
const spinFor = 100 * time.Microsecond

// A gate is where one goroutine waits until something that others do is so.
type gate struct {
	asleep atomic.Bool
	wake   chan struct{}
}

func newGate() gate { return gate{wake: make(chan struct{}, 1)} }

// wait returns when ready does. It looks for a while, if it may, and then sleeps until a call of open finds it ready.
func (g *gate) wait(spin bool, ready func() bool) {
	for start := time.Now(); spin; spin = time.Since(start) < spinFor {
		for range 16 {
			if ready() {
				return
			}
			pause()
		}
	}
	for {
		g.asleep.Store(true)
		if ready() {
			if !g.asleep.CompareAndSwap(true, false) {
				<-g.wake // open came in between
			}
			return
		}
		<-g.wake
	}
}

// open wakes who sleeps at the gate. What makes ready true must come before it.
func (g *gate) open() {
	if g.asleep.CompareAndSwap(true, false) {
		g.wake <- struct{}{}
	}
}
