package cpu

import (
	"runtime"
	"sync/atomic"
)

// A worker is one thread of the pool with its private scratch memory.
type worker struct {
	id      int
	scratch []float32
	gate    gate
}

// A pool runs the items of one loop at a time on a fixed set of workers. The caller's goroutine is worker 0.
type pool struct {
	workers []*worker
	spin    bool // waiting workers spin for a while: each has a processor to itself
	item    func(i int, w *worker)
	items   int64
	next    atomic.Int64
	turn    atomic.Uint64 // the number of the loop, then in maxWorkers' bits how many workers help
	left    atomic.Int64  // helpers that are not done
	done    func() bool   // whether left is 0
	closed  bool
}

// maxWorkers bounds the threads of a pool.
const maxWorkers = 1 << 12

func newPool(threads int) *pool {
	p := &pool{spin: threads <= runtime.GOMAXPROCS(0)}
	p.done = func() bool { return p.left.Load() == 0 }
	for id := range threads {
		w := &worker{id: id, gate: newGate()}
		p.workers = append(p.workers, w)
		if id > 0 {
			go p.serve(w)
		}
	}
	return p
}

// serve helps with every loop whose turn names w. A turn that does not may pass unseen.
func (p *pool) serve(w *worker) {
	turn := uint64(0)
	mine := func() bool {
		t := p.turn.Load()
		if t == turn || int(t%maxWorkers) < w.id {
			return false
		}
		turn = t
		return true
	}
	for {
		w.gate.wait(p.spin, mine)
		if p.closed {
			return
		}
		p.work(w)
		if p.left.Add(-1) == 0 {
			p.workers[0].gate.open()
		}
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
	p.call(helpers)
	p.work(p.workers[0])
	p.workers[0].gate.wait(p.spin, p.done)
	p.item = nil
}

// call begins the turn of the first helpers.
func (p *pool) call(helpers int) {
	p.left.Store(int64(helpers))
	p.turn.Store((p.turn.Load()/maxWorkers+1)*maxWorkers + uint64(helpers))
	for _, w := range p.workers[1 : 1+helpers] {
		w.gate.open()
	}
}

func (p *pool) close() {
	p.closed = true
	p.call(len(p.workers) - 1)
}
