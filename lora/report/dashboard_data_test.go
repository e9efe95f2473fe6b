package report

import (
	"encoding/json"
	"errors"
	"math"
	"net"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/vulora/vulora/lora"
)

func liveFigures(t *testing.T, d *Dashboard) (have liveData) {
	t.Helper()
	if _, body := get(t, d.URL()+"data", ""); json.Unmarshal([]byte(body), &have) != nil {
		t.Fatalf("want JSON, have %s", body)
	}
	return have
}

// A run that goes on begins with the figures of its log, and its speed and rest are those of steps, not of pauses.
func TestDashboardGoesOn(t *testing.T) {
	d := listen(t, ":0")
	d.Describe("model", "out", nil)
	past := Past{lines: []line{logged(lora.Progress{Step: 2, Loss: 8, GradNorm: 4, LearningRate: 0.5}),
		logged(lora.Progress{Step: 4, Loss: 6, GradNorm: 3, LearningRate: 0.25}),
		evaluated(lora.Evaluated{Step: 4, EvalLoss: 7})}, state: stateFields{Epoch: 0.5}}
	plan := lora.Plan{Steps: 10, Done: 4, Took: 40 * time.Second, Best: &lora.Best{Step: 3, EvalLoss: 5}}
	if err := d.Begin(Run{Plan: plan, Past: past}); err != nil {
		t.Fatal(err)
	}
	have := liveFigures(t, d)
	if have.State != "running" || have.Model != "model" || have.Output != "out" || have.Step != 4 || have.Steps != 10 ||
		have.Epoch != 0.5 || have.Seconds != 40 || have.Best == nil || *have.Best != (lowest{3, 5}) {
		t.Errorf("at the begin: have %+v", have)
	}
	all := []lora.Observer{d.Observer()}
	p := lora.Progress{Step: 5, Steps: 10, Epoch: 0.75, Loss: 4, GradNorm: 2, LearningRate: 0.125, Tokens: 100,
		Elapsed: 42 * time.Second, Between: 8 * time.Second}
	tell(t, all, onStep, p)
	saved := func(o lora.Observer) func(lora.Saved) error { return o.OnSaved }
	tell(t, all, saved, lora.Saved{Dir: "first"})
	tell(t, all, saved, lora.Saved{Dir: "second", Err: errors.New("no room")})
	have = liveFigures(t, d)
	if have.Step != 5 || have.Epoch != 0.75 || have.Seconds != 50 || have.Left != 50 || have.Rate != 50 ||
		have.Checkpoint != "first" {
		t.Errorf("after 5 of 10 steps in 50 seconds, 100 tokens in the last 2 of them: have %+v", have)
	}
	p.Step, p.Loss, p.LearningRate, p.Elapsed = 6, math.NaN(), 0.0625, 43*time.Second
	tell(t, all, onSkip, lora.Skip{Progress: p, Total: 1})
	have = liveFigures(t, d)
	if have.Rate != 0.9*50+0.1*100 || have.Skipped != 1 || len(have.Skips) != 1 || have.Skips[0] != 6 {
		t.Errorf("after a step of 100 tokens a second: have %+v", have)
	}
	for i, want := range []struct {
		name       string
		first, end figure
		count      int
	}{{"loss", 8, 4, 3}, {"eval loss", 7, 7, 1}, {"gradient norm", 4, 2, 3}, {"learning rate", 0.5, 0.0625, 4}} {
		c := have.Charts[i]
		if c.Name != want.name || c.Count != want.count || c.Last != want.end || c.Mean[0] != want.first {
			t.Errorf("want %+v, have %+v", want, c)
		}
	}
	if err := d.End(End{Err: errors.New("broken")}); err != nil {
		t.Fatal(err)
	}
	if s := d.state; s.State != "failed" || s.Error != "broken" || s.left != 0 {
		t.Errorf("at the end: have %+v", s)
	}
}

// A point of a chart has the least, the mean, the greatest and the latest value of its steps.
func TestLiveSeries(t *testing.T) {
	s := series{points: []point{{first: 2, last: 5, n: 4, min: 1, max: 9, sum: 16, latest: 2}}}
	l := newLiveSeries("x", &s)
	if l.Step[0] != 3.5 || l.Min[0] != 1 || l.Mean[0] != 4 || l.Max[0] != 9 || l.Line[0] != 4 || l.Last != 2 ||
		l.Count != 4 {
		t.Errorf("have %+v", l)
	}
}

func TestFigures(t *testing.T) {
	f := figures{1.5, figure(math.NaN()), figure(math.Inf(1)), figure(math.Inf(-1)), 123456.7, 0.001}
	if have, err := json.Marshal(f); err != nil || string(have) != "[1.5,null,null,null,123457,0.001]" {
		t.Errorf("have %s, %v", have, err)
	}
}

// The latest answers are kept, and a long one is cut between two characters.
func TestLiveProbes(t *testing.T) {
	var s liveState
	for step := range 3 * maxAnswers {
		s.probe(lora.Probed{Step: step, Prompt: "p", Answer: strings.Repeat("나", maxProbeText)})
	}
	for i, a := range s.Probes[0].Answers {
		if a.Step != 2*maxAnswers+i || !utf8.ValidString(a.Text) || !strings.HasSuffix(a.Text, "나…") {
			t.Errorf("answer %d: have one of step %d that ends in %q", i, a.Step, a.Text[len(a.Text)-6:])
		}
	}
}

// fakeListener only has an address.
type fakeListener struct {
	net.Listener
	ip string
}

func (l fakeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(l.ip), Port: 8080} }

// A page that others may reach is asked for by its addresses, and by the name that was given and the machine's.
func TestDashboardNames(t *testing.T) {
	private := &Dashboard{host: "Box.example", listener: fakeListener{ip: "127.0.0.1"}}
	public := &Dashboard{host: "Box.example", listener: fakeListener{ip: "0.0.0.0"}}
	for host, want := range map[string][2]bool{"localhost.": {true, true}, "[::ffff:127.0.0.1]:80": {true, true},
		"box.example:8080": {true, true}, "BOX.example.": {true, true}, "192.168.0.7:8080": {false, true},
		"[fe80::1]": {false, true}, "evil.example": {false, false}, "box.example.evil": {false, false}} {
		if have := [2]bool{private.ours(host), public.ours(host)}; have != want {
			t.Errorf("%s: want %v, have %v", host, want, have)
		}
	}
	if private.Public() || !public.Public() {
		t.Error("want 0.0.0.0 to be public and 127.0.0.1 not")
	}
}
