package cpu

import "unsafe"

// A product is c = alpha·a·b, plus what c held if acc, as one loop over the pool.
//
// Columns are cut into blocks of at most nc, which get smaller towards the end, so that all workers end at about the
// same time; rows only where there are too few columns left for that. For each block and each kc of the inner
// dimension b is packed into panels, and tiles of mr rows of a, read where they lie, run over them. Every element of c
// is summed in the order of k, in chunks of kc, however rows and columns are cut.
type product struct {
	v       *isa
	m, n, k int
	a       unsafe.Pointer // float32, or pairs of bfloat16
	rs, cs  int            // elements between a(m,k) and a(m+1,k), a(m,k+1)
	b       source
	c       unsafe.Pointer
	ldc     int
	alpha   float32
	acc     bool
	flip    bool      // c is stored transposed: c[m, n] lies n·ldc + m after c
	bias    []float32 // of length n, added to each row, or nil
	tile    tileFunc
	mr      int // rows of tile

	blocks []block
	span   int // steps of the inner dimension in one loop, whole chunks of kc
	k0     int // the first of the loop that runs, where a begins
}

// spanBytes is what a span has of a, at most, unless a single chunk has more.
const spanBytes = 4 << 20

// A block is the part of c that one item computes.
type block struct{ m0, m1, n0, n1 int }

// scratchElements is what each worker needs: panels of one block, then one tile, or what packing the last panel takes
// beyond it.
func (p *product) scratchElements() int {
	return p.v.kc*p.v.nc + max(p.mr, pairChunk/2)*p.v.nr
}

// prepare chooses the blocks for a number of workers.
func (p *product) prepare(workers int) {
	v := p.v
	if p.tile == nil {
		p.tile, p.mr = v.tile, v.mr
	}
	if p.k == 0 {
		p.a, p.rs, p.cs = p.c, 0, 0 // an empty sum reads nothing: any address will do
	}
	p.span = max(1, spanBytes/4/max(1, p.m)/v.kc) * v.kc
	tiles := (p.n + v.nr - 1) / v.nr
	for t := 0; t < tiles; {
		left, size, parts := tiles-t, v.nc/v.nr, 1
		if workers > 1 {
			size = min(size, max(1, left/(2*workers)))
		}
		if workers > 1 && left < 2*workers {
			// Each part packs b again, so it should have enough rows to pay for that.
			parts = max(1, min((2*workers+left-1)/left, p.m/(4*p.mr)))
		}
		next := min(tiles, t+size)
		groups := (p.m + p.mr - 1) / p.mr
		for i := range parts {
			p.blocks = append(p.blocks, block{groups * i / parts * p.mr, min(p.m, groups*(i+1)/parts*p.mr), t * v.nr,
				min(p.n, next*v.nr)})
		}
		t = next
	}
}

// run does all spans. ready, if there is one, is called before each and returns where a lies from step k0 on.
func (p *product) run(pool *pool, item func(i int, w *worker), ready func(k0, k int) unsafe.Pointer) {
	a := p.a
	for p.k0 = 0; p.k0 == 0 || p.k0 < p.k; p.k0 += p.span {
		if ready != nil {
			p.a = ready(p.k0, min(p.span, p.k-p.k0))
		} else {
			p.a = unsafe.Add(a, p.k0*p.cs*4)
		}
		pool.each(len(p.blocks), item)
	}
	p.a = a
}

// item adds what block i gets from the span that runs.
func (p *product) item(i int, w *worker) {
	v := p.v
	m0, m1, n0, n1 := p.blocks[i].m0, p.blocks[i].m1, p.blocks[i].n0, p.blocks[i].n1
	panels := unsafe.Pointer(unsafe.SliceData(w.scratch))
	spare := address(w.scratch, v.kc*v.nc)
	acc := p.acc || p.k0 > 0
	if p.bias != nil && p.k0 == 0 {
		for m := m0; m < m1; m++ {
			copy(elements[float32](unsafe.Add(p.c, (m*p.ldc+n0)*4), n1-n0), p.bias[n0:n1])
		}
		acc = true
	}
	last := min(p.k, p.k0+p.span)
	for k0 := p.k0; k0 == p.k0 || k0 < last; k0 += v.kc {
		k := min(v.kc, last-k0)
		for n := n0; n < n1 && k > 0; n += v.nr {
			p.b.pack(v, unsafe.Add(panels, (n-n0)*k*4), k0, k, n, min(v.nr, n1-n))
		}
		g := grid{tile: p.tile, mr: p.mr, nr: v.nr, spare: spare, flip: p.flip}
		a := unsafe.Add(p.a, (m0*p.rs+(k0-p.k0)*p.cs)*4)
		c := unsafe.Add(p.c, (m0*p.ldc+n0)*4)
		if p.flip {
			c = unsafe.Add(p.c, (n0*p.ldc+m0)*4)
		}
		g.run(m1-m0, n1-n0, k, a, p.rs, p.cs, panels, c, p.ldc, p.alpha, acc)
		acc = true
	}
}

// A grid runs tiles over packed panels.
type grid struct {
	tile   tileFunc
	mr, nr int
	spare  unsafe.Pointer // one tile
	flip   bool
	panel  int // rows of b from the first of one panel to the first of the next; 0: k
}

// run is c [m, n] = alpha·a·panels, plus c if acc. Panels are [n/nr, k, nr].
func (g *grid) run(
	m, n, k int, a unsafe.Pointer, rs, cs int, panels, c unsafe.Pointer, ldc int, alpha float32, acc bool,
) {
	panel := k
	if g.panel != 0 {
		panel = g.panel
	}
	for i := 0; i < m; i += g.mr {
		r := min(g.mr, m-i)
		x := unsafe.Add(a, i*rs*4)
		for j := 0; j < n; j += g.nr {
			p := unsafe.Add(panels, j*panel*4)
			switch {
			case g.flip:
				g.tile(r, k, x, rs, cs, p, g.spare, g.nr, alpha, false)
				g.merge(r, min(g.nr, n-j), unsafe.Add(c, (j*ldc+i)*4), 1, ldc, acc)
			case n-j < g.nr:
				g.tile(r, k, x, rs, cs, p, g.spare, g.nr, alpha, false)
				g.merge(r, n-j, unsafe.Add(c, (i*ldc+j)*4), ldc, 1, acc)
			default:
				g.tile(r, k, x, rs, cs, p, unsafe.Add(c, (i*ldc+j)*4), ldc, alpha, acc)
			}
		}
	}
}

// merge stores or adds the spare tile to c, whose element (i, j) lies i·rs + j·cs after c.
func (g *grid) merge(rows, cols int, c unsafe.Pointer, rs, cs int, acc bool) {
	for i := range rows {
		s := elements[float32](unsafe.Add(g.spare, i*g.nr*4), cols)
		for j, x := range s {
			y := (*float32)(unsafe.Add(c, (i*rs+j*cs)*4))
			if acc {
				x += *y
			}
			*y = x
		}
	}
}
