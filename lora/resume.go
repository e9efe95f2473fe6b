package lora

import (
	"fmt"

	"github.com/vulora/vulora/lora/checkpoint"
	"github.com/vulora/vulora/lora/peft"
)

// saveIfDue writes a checkpoint after a step, if it is time. One that cannot be written does not end the run.
func (r *run) saveIfDue(p Progress) error {
	if !r.saveDue(p.Step) {
		return nil
	}
	return r.save(p)
}

func (r *run) saveDue(step int) bool {
	o, e := &r.c.Save, &r.state.Eval
	if o.Dir == "" || o.Steps == 0 && !o.Epochs && !r.c.Eval.LoadBest {
		return false
	}
	return o.Steps > 0 && step%o.Steps == 0 || o.Epochs && step%r.plan.StepsPerEpoch() == 0 ||
		step == r.plan.Steps() || e.Stopped || r.c.Eval.LoadBest && e.Best != nil && e.Best.Step == step
}

// save writes a checkpoint and removes those beyond the limit.
func (r *run) save(p Progress) error {
	again := r.pending == p.Step // what was not done then is in none of its files
	dir, err := checkpoint.Write(r.c.Save.Dir, p.Step, r.checkpointBytes(), again, func(dir string) error {
		var card peft.Card
		if r.c.Save.Card != nil {
			card = r.c.Save.Card(p.Step)
		}
		if err := r.adapter.write(dir, card); err != nil {
			return err
		}
		if err := r.state.write(dir, r.t); err != nil {
			return err
		}
		return tell(r.c.Observers, func(o *Observer) func(string) error {
			if o.OnSave == nil {
				return nil
			}
			return func(dir string) error { return o.OnSave(dir, p) }
		}, dir)
	})
	if err == nil {
		r.saved, r.pending = dir, -1
		if r.state.Pending {
			r.pending = p.Step
		}
		keep := []string{dir}
		if best := r.state.Eval.Best; best != nil {
			keep = append(keep, best.Dir)
		}
		err = checkpoint.Rotate(r.c.Save.Dir, r.c.Save.Limit, keep...)
	}
	return tell(r.c.Observers, func(o *Observer) func(Saved) error { return o.OnSaved }, Saved{dir, p.Step, err})
}

// checkpointBytes is about how much a checkpoint takes.
func (r *run) checkpointBytes() int64 {
	n := r.adapter.fileBytes() + 1<<16
	for _, m := range r.t.moments {
		n += 4 * m.layout.params()
	}
	return n
}

// interrupted ends a run before its last step, with a checkpoint to go on from.
func (r *run) interrupted() (TrainReport, error) {
	var err error
	if r.c.Save.Dir != "" && r.state.Step > 0 && r.saved != checkpoint.Dir(r.c.Save.Dir, r.state.Step) {
		err = r.save(r.last)
	}
	report := r.report()
	report.Interrupted = true
	return report, err
}

// resume makes everything as it was when the checkpoint in dir was written.
func (r *run) resume(dir string) error {
	if err := checkpoint.Verify(dir); err != nil {
		return fmt.Errorf("lora: resume: %w", err)
	}
	s, err := readState(dir)
	if err != nil {
		return fmt.Errorf("lora: resume: %w", err)
	}
	if err := s.Fingerprint.differences(&r.state.Fingerprint); err != nil {
		return fmt.Errorf("lora: resume %s: want the settings and data that it was made with, have others:\n%w\n"+
			"give those again, or start another run that goes on from its adapter: --adapter %s", dir, err, dir)
	}
	if err := r.readAdapter(dir); err != nil {
		return fmt.Errorf("lora: resume: %w", err)
	}
	if err := r.t.readMoments(dir); err != nil {
		return fmt.Errorf("lora: resume: %w", err)
	}
	now := r.state.Fingerprint
	if s.Fingerprint.Device != now.Device {
		r.otherDevice = s.Fingerprint.Device
	}
	s.Fingerprint = now
	r.state, r.t.done, r.before, r.saved = s, s.Trainer, s.Took, dir
	if s.Pending {
		r.pending = s.Step
	}
	r.last = Progress{Step: s.Step, Steps: s.Steps, Elapsed: s.Took, Between: s.Between}
	for step := range r.plan.From(s.Step - 1) {
		r.last.Epoch = step.Progress
		break
	}
	r.findBest(dir)
	return nil
}
