package cpu

import (
	"sync"
	"sync/atomic"
)

// A worker is one thread of the pool with its private scratch memory.
type worker struct {
	id      int
	scratch []float32
	wake    chan struct{}
}

// A pool runs the items of one loop at a time on a fixed set of workers. The caller's goroutine is worker 0.
type pool struct {
	workers []*worker
	item    func(i int, w *worker)
	items   int64
	next    atomic.Int64
	busy    sync.WaitGroup
}

func newPool(threads int) *pool {
	p := &pool{}
	for id := range threads {
		w := &worker{id: id, wake: make(chan struct{}, 1)}
		p.workers = append(p.workers, w)
		if id > 0 {
			go p.serve(w)
		}
	}
	return p
}

func (p *pool) serve(w *worker) {
	for range w.wake {
		p.work(w)
		p.busy.Done()
	}
}

func (p *pool) work(w *worker) {
	for i := p.next.Add(1) - 1; i < p.items; i = p.next.Add(1) - 1 {
		p.item(int(i), w)
	}
}

// each calls item for 0 … n−1, in any order and on any worker, and returns when all are done.
func (p *pool) each(n int, item func(i int, w *worker)) {
	helpers := min(n, len(p.workers)) - 1
	if helpers <= 0 {
		for i := range n {
			item(i, p.workers[0])
		}
		return
	}
	p.item, p.items = item, int64(n)
	p.next.Store(0)
	p.busy.Add(helpers)
	for _, w := range p.workers[1 : 1+helpers] {
		w.wake <- struct{}{}
	}
	p.work(p.workers[0])
	p.busy.Wait()
	p.item = nil
}

// grow makes every worker's scratch at least n elements long and returns the bytes that were added.
func (p *pool) grow(n int) (added int64) {
	for _, w := range p.workers {
		if n > len(w.scratch) {
			added += int64(n-len(w.scratch)) * 4
			w.scratch = aligned(n)
		}
	}
	return added
}

func (p *pool) close() {
	for _, w := range p.workers[1:] {
		close(w.wake)
	}
}
