package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vulora/vulora/lora"
)

// begin makes a set of reports that has begun, and a function that tells it of an event as lora.Train does.
func begin(t *testing.T, s *Set, p lora.Plan) []lora.Observer {
	t.Helper()
	if s.Note == nil {
		s.Note = func(format string, v ...any) { t.Errorf("a note: "+format, v...) }
	}
	all := s.Observers()
	for _, o := range all {
		if o.OnPlan != nil {
			if err := o.OnPlan(p); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}

func tell[T any](t *testing.T, all []lora.Observer, which func(lora.Observer) func(T) error, x T) {
	t.Helper()
	for _, o := range all {
		if f := which(o); f != nil {
			if err := f(x); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func onStep(o lora.Observer) func(lora.Progress) error { return o.OnStep }
func onSkip(o lora.Observer) func(lora.Skip) error     { return o.OnSkip }
func onLog(o lora.Observer) func(lora.Progress) error  { return o.OnLog }
func onEval(o lora.Observer) func(lora.Evaluated) error {
	return o.OnEval
}
func onProbe(o lora.Observer) func(lora.Probed) error { return o.OnProbe }

func save(t *testing.T, all []lora.Observer, dir string, p lora.Progress) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, o := range all {
		if o.OnSave != nil {
			if err := o.OnSave(dir, p); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// trainerRun is the run of testdata/trainer_state.json: two epochs of 48 rows in 12 steps, logged every second, and
// evaluated and saved every fourth.
type trainerRun struct {
	dir    string
	golden []byte           // the file
	lines  []map[string]any // of the Trainer's log
}

func newTrainerRun(t *testing.T) *trainerRun {
	t.Helper()
	r := &trainerRun{dir: t.TempDir()}
	var err error
	if r.golden, err = os.ReadFile(filepath.Join("testdata", "trainer_state.json")); err != nil {
		t.Fatal(err)
	}
	var file struct {
		History []map[string]any `json:"log_history"`
	}
	if err := json.Unmarshal(r.golden, &file); err != nil {
		t.Fatal(err)
	}
	r.lines = file.History
	return r
}

func (r *trainerRun) state() *TrainerState {
	return &TrainerState{Dir: r.dir, LoggingSteps: 2, EvalSteps: 4, SaveSteps: 4, BatchSize: 2, EpochCount: 2,
		FlosPerToken: 6 * 1197312}
}

func (r *trainerRun) steps(t *testing.T, all []lora.Observer, from int) {
	for step := from; step <= 12; step++ {
		p := lora.Progress{Step: step, Steps: 12, Epoch: float64(step) * 4 / 24, Tokens: 192}
		tell(t, all, onStep, p)
		for _, l := range r.lines {
			if at := l["step"].(float64); int(at) != step {
				continue
			}
			if loss, ok := l["loss"].(float64); ok {
				p.Epoch, p.Loss, p.GradNorm = l["epoch"].(float64), loss, l["grad_norm"].(float64)
				p.LearningRate = l["learning_rate"].(float64)
				tell(t, all, onLog, p)
			}
			if loss, ok := l["eval_loss"].(float64); ok {
				seconds := l["eval_runtime"].(float64)
				tell(t, all, onEval, lora.Evaluated{Step: step, Steps: 12, Epoch: p.Epoch, EvalLoss: loss,
					Loss:   lora.Evaluation{Rows: 6, Batches: 1, Elapsed: time.Duration(math.Round(seconds * 1e9))},
					Lowest: &lora.Best{Step: step, EvalLoss: loss, Dir: fmt.Sprintf("hf/checkpoint-%d", step)}})
			}
		}
		if step%4 == 0 {
			save(t, all, filepath.Join(r.dir, fmt.Sprintf("checkpoint-%d", step)), p)
		}
	}
}

// What is written is what transformers 5.23 wrote for the same run, but for the tokens seen, which it counts only when
// told to, and speeds, which it makes from times that it does not log.
func TestTrainerStateIsTheTrainers(t *testing.T) {
	r := newTrainerRun(t)
	state := r.state()
	all := begin(t, &Set{Reports: []Report{state}}, lora.Plan{Steps: 12, Rows: 48})
	r.steps(t, all, 1)
	last := r.lines[len(r.lines)-1]
	if err := state.End(End{TrainReport: lora.TrainReport{Steps: 12, Loss: last["train_loss"].(float64),
		Elapsed: time.Duration(last["train_runtime"].(float64) * 1e9)}}); err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile(filepath.Join(r.dir, "trainer_state.json"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(have), `"num_input_tokens_seen": 2304`, `"num_input_tokens_seen": 0`, 1)
	wanted := strings.Split(string(r.golden), "\n")
	for i, line := range strings.Split(text, "\n") {
		if strings.Contains(line, "per_second") {
			line = wanted[i]
		}
		if i >= len(wanted) || line != wanted[i] {
			t.Fatalf("line %d: want\n%s, have\n%s", i+1, wanted[i], line)
		}
	}
}

// A run that goes on has the lines of before, without those after the checkpoint, and comes to the same file.
func TestTrainerStateGoesOn(t *testing.T) {
	r := newTrainerRun(t)
	whole := r.state()
	r.steps(t, begin(t, &Set{Reports: []Report{whole}}, lora.Plan{Steps: 12, Rows: 48}), 1)

	if err := whole.write(filepath.Join(r.dir, "checkpoint-4")); err != nil { // with the lines up to step 12
		t.Fatal(err)
	}
	again := r.state()
	all := begin(t, &Set{Reports: []Report{again}, Resume: filepath.Join(r.dir, "checkpoint-4")},
		lora.Plan{Steps: 12, Rows: 48, Done: 4})
	if n := len(again.lines); n != 3 {
		t.Fatalf("want the 3 lines up to step 4, have %d", n)
	}
	again.state.Tokens, again.state.Flos = 4*192, 4*192*again.FlosPerToken
	r.steps(t, all, 5)
	if a, b := whole.appendJSON(nil), again.appendJSON(nil); !bytes.Equal(a, b) {
		t.Errorf("want\n%s, have\n%s", a, b)
	}
}

// Files that are not the Trainer's are told of, and no end of the run.
func TestPastIsHostile(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		text  string
		lines int
		bad   bool
	}{
		"none":     {"", 0, false},
		"not JSON": {"{", 0, true},
		"NaN":      {`{"log_history":[{"loss":NaN,"step":1}]}`, 0, true},
		"null":     {`{"log_history":[{"loss":null,"step":1},{"loss":2,"step":2}]}`, 2, false},
		"wrong types": {`{"log_history":[{"loss":"x","step":1},{"loss":1},{"step":-1},{"step":1e300},{"a\"b":1,"step":0}]}`,
			2, false},
		"later steps": {`{"log_history":[{"loss":1,"step":5},{"loss":1,"step":6}]}`, 1, false},
	} {
		path := filepath.Join(dir, stateFile)
		os.Remove(path)
		if c.text != "" {
			if err := os.WriteFile(path, []byte(c.text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		p, err := readPast(dir, 5)
		if (err != nil) != c.bad || len(p.lines) != c.lines {
			t.Errorf("%s: have %d lines, %v", name, len(p.lines), err)
		}
		s := &TrainerState{run: Run{Plan: lora.Plan{Steps: 5}}, lines: p.lines}
		if !json.Valid(s.appendJSON(nil)) {
			t.Errorf("%s: not JSON: %s", name, s.appendJSON(nil))
		}
	}
}

// failing is a report that cannot be written.
type failing struct{ calls int }

func (f *failing) Name() string    { return "it" }
func (f *failing) Begin(Run) error { return nil }
func (f *failing) Observer() lora.Observer {
	return lora.Observer{OnStep: func(lora.Progress) error {
		f.calls++
		return errors.New("no luck")
	}}
}
func (f *failing) End(End) error { return errors.New("no luck") }

// A report that cannot be written is told of once, and the run goes on.
func TestErrorsAreNotes(t *testing.T) {
	notes, f := 0, new(failing)
	s := &Set{Reports: []Report{f}, Note: func(string, ...any) { notes++ }}
	all := begin(t, s, lora.Plan{Steps: 2})
	for step := range 2 {
		tell(t, all, onStep, lora.Progress{Step: step + 1, Steps: 2})
	}
	s.End(End{})
	if notes != 1 || f.calls != 2 {
		t.Errorf("want a note and 2 calls, have %d, %d", notes, f.calls)
	}
}
