package report

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vulora/vulora/lora"
)

// liveFacts are what the page shows as it is.
type liveFacts struct {
	State      string      `json:"state"` // loading, running, finished, interrupted or failed
	Error      string      `json:"error,omitempty"`
	Model      string      `json:"model"`
	Output     string      `json:"output"`
	Checkpoint string      `json:"checkpoint,omitempty"`
	Version    int         `json:"version"` // counts the changes
	Step       int         `json:"step"`
	Steps      int         `json:"steps"`
	Skipped    int         `json:"skipped"`
	Probes     []liveProbe `json:"probes"`
}

// liveState is what the page shows beside its charts.
type liveState struct {
	liveFacts
	epoch   float64
	elapsed time.Duration
	rate    float64 // tokens per second, smoothed
	left    time.Duration
	touched time.Time // at the last change
}

// liveProbe is a prompt with its latest answers, oldest first.
type liveProbe struct {
	Prompt  string       `json:"prompt"`
	Answers []liveAnswer `json:"answers"`
}

type liveAnswer struct {
	Step int    `json:"step"`
	Text string `json:"text"`
}

// What is kept of probes.
const (
	maxProbes, maxAnswers = 20, 8
	maxProbeText          = 4000 // bytes
)

func (s *liveState) touch() { s.Version, s.touched = s.Version+1, time.Now() }

// speed takes in a step, over about the last ten.
func (s *liveState) speed(tokens int, took time.Duration) {
	rate := float64(tokens) / max(1e-9, took.Seconds())
	if s.rate == 0 {
		s.rate = rate
	}
	s.rate = 0.9*s.rate + 0.1*rate
}

func (s *liveState) probe(p lora.Probed) {
	answer := liveAnswer{p.Step, cut(p.Answer, maxProbeText)}
	prompt := cut(p.Prompt, maxProbeText)
	for i := range s.Probes {
		if q := &s.Probes[i]; q.Prompt == prompt {
			q.Answers = append(q.Answers, answer)
			q.Answers = q.Answers[max(0, len(q.Answers)-maxAnswers):]
			return
		}
	}
	if len(s.Probes) < maxProbes {
		s.Probes = append(s.Probes, liveProbe{prompt, []liveAnswer{answer}})
	}
}

// cut keeps the first bytes of a text.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// liveData is the answer to /data.
type liveData struct {
	liveFacts
	Epoch   figure       `json:"epoch"`
	Seconds figure       `json:"seconds"`
	Left    figure       `json:"left"`
	Age     figure       `json:"age"` // seconds since the last change
	Rate    figure       `json:"tokens_per_second"`
	Memory  int64        `json:"memory"`
	Best    *lowest      `json:"best,omitempty"`
	Charts  []liveSeries `json:"charts"`
	Skips   figures      `json:"skips"`
}

// liveSeries is a figure over the steps.
type liveSeries struct {
	Name  string  `json:"name"`
	Step  figures `json:"step"`
	Mean  figures `json:"mean"`
	Min   figures `json:"min"`
	Max   figures `json:"max"`
	Line  figures `json:"line"` // smoothed
	Last  figure  `json:"last"`
	Count int     `json:"count"`
}

// figure is a number with six digits; what JSON has no number for is null.
type figure float64

// MarshalJSON writes the number.
func (f figure) MarshalJSON() ([]byte, error) { return f.append(nil), nil }

func (f figure) append(b []byte) []byte {
	if x := float64(f); !math.IsNaN(x) && !math.IsInf(x, 0) {
		return strconv.AppendFloat(b, x, 'g', 6, 64)
	}
	return append(b, "null"...)
}

// figures are written in one go: a page asks for thousands each second.
type figures []figure

// MarshalJSON writes the numbers.
func (all figures) MarshalJSON() ([]byte, error) {
	b := []byte{'['}
	for i, f := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = f.append(b)
	}
	return append(b, ']'), nil
}

// serveData answers with what has changed since the version that the page has, or with nothing.
func (d *Dashboard) serveData(w http.ResponseWriter, r *http.Request) {
	seen, err := strconv.Atoi(r.URL.Query().Get("seen"))
	if err != nil {
		seen = -1
	}
	d.mu.Lock()
	s := d.state
	d.asked, d.shown = time.Now(), max(d.shown, s.Version)
	if seen == s.Version {
		d.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.Probes = make([]liveProbe, len(d.state.Probes))
	for i, p := range d.state.Probes {
		s.Probes[i] = liveProbe{p.Prompt, append([]liveAnswer{}, p.Answers...)}
	}
	var h history
	if d.h != nil {
		h = d.h.copied()
	}
	memory := d.memory
	d.mu.Unlock()

	out := liveData{liveFacts: s.liveFacts, Epoch: figure(s.epoch), Seconds: figure(s.elapsed.Seconds()),
		Left: figure(s.left.Seconds()), Age: figure(time.Since(s.touched).Seconds()), Rate: figure(s.rate), Best: h.best}
	if memory != nil {
		out.Memory = memory()
	}
	for _, c := range []struct {
		name string
		s    *series
	}{{"loss", &h.loss}, {"eval loss", &h.eval}, {"gradient norm", &h.norm}, {"learning rate", &h.rate}} {
		out.Charts = append(out.Charts, newLiveSeries(c.name, c.s))
	}
	for _, p := range h.skipped.points {
		out.Skips = append(out.Skips, figure(p.middle()))
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // a browser that is gone
}

func newLiveSeries(name string, s *series) liveSeries {
	l := liveSeries{Name: name}
	for i, y := range s.smoothed() {
		p := &s.points[i]
		l.Step, l.Mean = append(l.Step, figure(p.middle())), append(l.Mean, figure(p.mean()))
		l.Min, l.Max = append(l.Min, figure(p.min)), append(l.Max, figure(p.max))
		l.Line, l.Last = append(l.Line, figure(y)), figure(p.latest)
		l.Count += p.n
	}
	return l
}

// copied is a copy that does not change.
func (h *history) copied() history {
	c := *h
	for _, s := range []*series{&c.loss, &c.norm, &c.rate, &c.eval, &c.skipped} {
		s.points = append([]point(nil), s.points...)
	}
	return c
}
