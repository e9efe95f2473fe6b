package step

import (
	"context"
	"testing"
	"time"

	"github.com/vulora/vulora/bench"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// small has the proportions of a model and none of its size.
var small = Config(bench.Shape{Layers: 3, Hidden: 64, Heads: 4, KVHeads: 2, HeadDim: 16, Feed: 128, Vocab: 512})

const (
	smallLayer = 64*(8*16) + 64*64 + 3*64*128 // elements of the matrices of a layer
	smallHead  = 512 * 64
)

func load(t *testing.T, d kernel.Device, o qwen2.LoadOptions) (*Watched, *qwen2.Model) {
	t.Helper()
	w := Watch(d)
	m, err := qwen2.Random(w, small, 1, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return w, m
}

func timed(t *testing.T, w *Watched, m *qwen2.Model, j Job, o Options) Result {
	t.Helper()
	r, err := Time(context.Background(), w, m, j, o)
	if err != nil {
		t.Fatal(err)
	}
	r.Against(bench.Ceilings{FLOPS: 1e15, BF16FLOPS: 1e15, Copy: 1e15})
	if r.Steps < 1 || r.Best <= 0 || r.Best > r.Median ||
		r.Share <= 0 || r.Share > 1 || r.Outside < 0 || r.Outside >= 1 || r.Planned <= 0 || r.Launches < 1 {
		t.Errorf("%s: want times and shares, have %+v", j.Name, r)
	}
	return r
}

// The arithmetic of a step is that of its products, which can be counted by hand.
func TestTrainCounts(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		w, m := load(t, d, qwen2.LoadOptions{Positions: 24, Precision: kernel.RoundBF16})
		planned, limit := Plan(d, small, qwen2.LoadOptions{Precision: kernel.RoundBF16}, []int{16, 24})
		r := timed(t, w, m, Job{Name: "two rows", Rows: []int{16, 24}}, Options{Recompute: true})
		if limit != "" || planned != r.Planned {
			t.Errorf("want the plan to be the %d bytes that a run takes, have %d %s", r.Planned, planned, limit)
		}
		r = timed(t, w, m, Job{Name: "two rows", Rows: []int{16, 24}}, Options{})
		const tokens, scored, layers, rank = 40, 40, 3, 8 // 38 are scored, and 2 fill up
		base := 2.0 * tokens * layers * smallLayer
		first := 2.0 * tokens * 64 * (8 * 16) // of the first layer's q, k, v no gradient for the embeddings is wanted
		attended := layers * 9 * 2 * 64 * (pairs(16) + pairs(24))
		if want := 2*base - first + 2*2.0*scored*smallHead + attended; r.Rounded != want {
			t.Errorf("want %v FLOP of products with the base, have %v", want, r.Rounded)
		}
		// Of each module x·aᵀ, h·bᵀ, dB, dh, dA and dh·a: q, k, v and o.
		in, out := 64.0*4, 64.0+32+32+64
		if want := 2 * tokens * rank * (layers*3*(in+out) - 3*64); r.Exact != want {
			t.Errorf("want %v FLOP in float32, have %v", want, r.Exact)
		}
		if n := r.Layer["rmsnorm_back"]; n != 2 {
			t.Errorf("want 2 norms in a layer's backward pass, have %d", n)
		}
	})
}

// Decoding reads every weight once, and the keys and values of the context.
func TestDecodeCounts(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		w, m := load(t, d, qwen2.LoadOptions{Positions: 128, Quantize: bnb.NF4, Head: bnb.Int8})
		r := timed(t, w, m, Job{Name: "decode", Context: 20}, Options{Least: time.Millisecond})
		matrices := 3*smallLayer*(0.5+4.0/64) + smallHead + 4*512
		cache := 3 * 2 * 32 * 4 * (20 + float64(decoded+1)/2)
		if want := matrices + cache; r.Bytes != want || r.Tokens != 1 {
			t.Errorf("want one token that reads %v bytes, have %d and %v", want, r.Tokens, r.Bytes)
		}
		if r := timed(t, w, m, Job{Name: "prefill", Prompt: 100}, Options{}); r.Tokens != 100 {
			t.Errorf("want 100 tokens, have %d", r.Tokens)
		}
	})
}

// Time outside programs is found: here nothing runs for a while.
func TestOutside(t *testing.T) {
	w := Watch(devtest.CPU(t))
	var r Result
	err := repeat(context.Background(), w, Options{}, &r, func() error { time.Sleep(time.Millisecond); return nil })
	if err != nil || r.Outside != 1 {
		t.Errorf("want all time outside launches, have %v (error %v)", r.Outside, err)
	}
}

func TestStopped(t *testing.T) {
	w, m := load(t, devtest.CPU(t), qwen2.LoadOptions{Positions: 64})
	ctx, stop := context.WithCancel(context.Background())
	stop()
	for _, j := range []Job{{Rows: []int{16}}, {Prompt: 16}, {Context: 16}} {
		if _, err := Time(ctx, w, m, j, Options{}); err == nil {
			t.Errorf("%+v: want the context's error, have none", j)
		}
	}
}

func TestScaling(t *testing.T) {
	devtest.Each(t, func(t *testing.T, d kernel.Device) {
		last := Length{}
		for _, n := range []int{96, 192} {
			x, err := TimeLength(context.Background(), d, small, kernel.Exact, n)
			if err != nil {
				t.Fatal(err)
			}
			if x.Seconds <= 0 || x.Attention <= 0 || x.Attention > x.Seconds || x.Limit != "" || x.Planned <= last.Planned {
				t.Errorf("want times, of which attention takes some, and memory that grows, have %+v after %+v", x, last)
			}
			last = x
		}
	})
	large := small
	large.Vocab = 1 << 40
	if bytes, limit := Plan(devtest.CPU(t), large, qwen2.LoadOptions{}, []int{96}); limit == "" {
		t.Errorf("want a reason why so large a model cannot be, have %d bytes", bytes)
	}
	d := devtest.CPU(t)
	shape := bench.Shape{Hidden: 64, Heads: 4, KVHeads: 2, HeadDim: 16, Feed: 128, Vocab: 512}
	x, err := TimeWorkers(d, devtest.CPU(t), shape.Rows(d.Info(), 1, kernel.BF16, kernel.Exact)[0], time.Millisecond)
	if err != nil || x.One <= 0 || x.All <= 0 || x.Ratio != x.One/x.All {
		t.Errorf("want a ratio, have %+v (error %v)", x, err)
	}
}
