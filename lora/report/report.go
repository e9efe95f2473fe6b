package report

import (
	"github.com/vulora/vulora/lora"
)

// A Report is one account of a run.
type Report interface {
	Name() string
	// Begin is called once before the first step, when what an earlier run has left may be replaced. Its error is one
	// of the run: nothing is lost yet.
	Begin(Run) error
	// Observer is what the report wants to be told of between the steps. An error is told to the user once; the run
	// goes on and goes on telling.
	Observer() lora.Observer
	// End is called after the last step, or when the run has failed.
	End(End) error
}

// Run is what is known of a run before its first step.
type Run struct {
	lora.Plan
	Past Past
}

// End is how a run ended.
type End struct {
	lora.TrainReport
	Err error // of a run that failed
}

// A Set is the reports of one run.
type Set struct {
	Reports []Report
	Resume  string // folder of the checkpoint that the run goes on from, if any
	Note    func(format string, v ...any)

	noted map[Report]bool
	begun bool
}

// Observers are the set's and the reports'.
func (s *Set) Observers() []lora.Observer {
	s.noted = map[Report]bool{}
	all := []lora.Observer{{OnPlan: s.begin}}
	for _, r := range s.Reports {
		o := r.Observer()
		all = append(all, lora.Observer{OnStep: guard(s, r, o.OnStep), OnSkip: guard(s, r, o.OnSkip),
			OnLog: guard(s, r, o.OnLog), OnEval: guard(s, r, o.OnEval), OnProbe: guard(s, r, o.OnProbe),
			OnSave: o.OnSave, OnSaved: guard(s, r, o.OnSaved)}) // a checkpoint that lacks a file is none
	}
	return all
}

func (s *Set) begin(p lora.Plan) error {
	run := Run{Plan: p}
	if p.Done > 0 {
		var err error
		if run.Past, err = readPast(s.Resume, p.Done); err != nil {
			s.Note("the log of the steps before cannot be read: %s: reports begin after them", err)
		}
	}
	for _, r := range s.Reports {
		if err := r.Begin(run); err != nil {
			return err
		}
	}
	s.begun = true
	return nil
}

// guard makes an error of a report a note.
func guard[T any](s *Set, r Report, f func(T) error) func(T) error {
	if f == nil {
		return nil
	}
	return func(x T) error {
		s.told(r, f(x))
		return nil
	}
}

func (s *Set) told(r Report, err error) {
	if err != nil && !s.noted[r] {
		s.noted[r] = true
		s.Note("%s cannot be written: %s: going on", r.Name(), err)
	}
}

// End ends every report that has begun.
func (s *Set) End(e End) {
	if !s.begun {
		return
	}
	s.begun = false
	for _, r := range s.Reports {
		s.told(r, r.End(e))
	}
}
