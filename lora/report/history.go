package report

import "github.com/vulora/vulora/lora"

// history is what charts of a run show.
type history struct {
	loss, norm, rate, eval, skipped series
	skips                           int
	best                            *lowest
}

// lowest is the best evaluation.
type lowest struct {
	Step int     `json:"step"`
	Loss float64 `json:"loss"`
}

// newHistory begins with the log of the steps before, which has a point where the run has logged. Its series keep up to
// most points.
func newHistory(r Run, most int) *history {
	h := new(history)
	for _, s := range []*series{&h.loss, &h.norm, &h.rate, &h.eval, &h.skipped} {
		s.most = most
	}
	named := map[string]*series{"loss": &h.loss, "grad_norm": &h.norm, "learning_rate": &h.rate, "eval_loss": &h.eval}
	for _, l := range r.Past.lines {
		for name, s := range named {
			if x, ok := l.get(name); ok {
				s.add(l.step, x)
			}
		}
	}
	h.setBest(r.Best)
	return h
}

func (h *history) step(p lora.Progress) {
	h.loss.add(p.Step, p.Loss)
	h.norm.add(p.Step, p.GradNorm)
	h.rate.add(p.Step, p.LearningRate)
}

func (h *history) skip(k lora.Skip) {
	h.skips = k.Total
	h.skipped.add(k.Step, 1)
	h.rate.add(k.Step, k.LearningRate)
}

func (h *history) evaluation(e lora.Evaluated) {
	h.eval.add(e.Step, e.EvalLoss)
	h.setBest(e.Lowest)
}

func (h *history) setBest(b *lora.Best) {
	if h.best = nil; b != nil {
		h.best = &lowest{b.Step, b.EvalLoss}
	}
}
