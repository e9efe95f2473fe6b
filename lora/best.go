package lora

import (
	"fmt"
	"math"
	"path/filepath"

	"github.com/vulora/vulora/lora/checkpoint"
	"github.com/vulora/vulora/qwen2/safetensors"
)

// conclude takes an evaluation into the state: which step is the best, and whether the run has waited long enough for a
// better one. As in transformers the callback that stops looks before the best is replaced, and a loss that is not
// finite is never the best.
func (r *run) conclude(e *Evaluated) {
	o, s := &r.c.Eval, &r.state.Eval
	r.state.Evaluated, s.Last = e.Step, nil
	if e.Err == nil {
		loss := e.Loss
		s.Last = &loss
	}
	if e.Step == 0 {
		s.First = s.Last
		return
	}
	lowest := math.Inf(1)
	if s.Best != nil {
		lowest = s.Best.EvalLoss
	}
	if s.Count == 0 || e.EvalLoss < lowest && lowest-e.EvalLoss > o.Threshold {
		s.Waited = 0
	} else {
		s.Waited++
	}
	s.Count++
	s.Stopped = o.Patience > 0 && s.Waited >= o.Patience && e.Step < e.Steps
	if e.Best = e.EvalLoss < lowest; e.Best {
		s.Best = &Best{Step: e.Step, EvalLoss: e.EvalLoss, Loss: e.Loss}
		if r.saveDue(e.Step) {
			s.Best.Dir = checkpoint.Dir(r.c.Save.Dir, e.Step)
		}
	}
	e.Lowest = s.Best
}

// findBest looks for the checkpoint of the best step where a run goes on from the one in dir: beside it, or where it
// was. If there is none any more and the best is wanted at the end, the search begins anew, unless that was the end.
func (r *run) findBest(dir string) {
	s := &r.state.Eval
	if s.Best == nil {
		return
	}
	best := *s.Best
	places := []string{checkpoint.Dir(filepath.Dir(filepath.Clean(dir)), best.Step), best.Dir}
	best.Dir = ""
	for _, place := range places {
		if place != "" && best.Dir == "" && checkpoint.Verify(place) == nil {
			best.Dir = place
		}
	}
	switch s.Best = &best; {
	case best.Dir != "" || !r.c.Eval.LoadBest:
	case r.state.ended():
		best.Dir = places[0] // for loadBest to say so
	default:
		s.Best, s.Count, r.bestLost = nil, 0, places[0]
	}
}

// loadBest makes the adapter what it was after the best step.
func (r *run) loadBest(report *TrainReport) {
	best := r.state.Eval.Best
	if !r.c.Eval.LoadBest || best == nil || best.Step == r.state.Step {
		return
	}
	err := checkpoint.Verify(best.Dir)
	if err == nil {
		err = r.readAdapter(best.Dir)
	}
	if err != nil {
		report.BestErr = fmt.Errorf("lora: adapter of step %d, which has the lowest eval_loss: %w", best.Step, err)
		return
	}
	loss := best.Loss
	report.AdapterStep, report.After = best.Step, &loss
}

// readAdapter fills the adapter from a checkpoint.
func (r *run) readAdapter(dir string) error {
	path := filepath.Join(dir, weightsFile)
	f, err := safetensors.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := r.adapter.layout.check(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := r.adapter.layout.read(r.adapter.slab, f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
