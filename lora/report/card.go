package report

import (
	"fmt"
	"math"
	"strconv"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/peft"
)

// Card collects what a run has to say in the adapter's model card.
type Card struct {
	loss, eval float64 // of the last log and evaluation; NaN if there was none
	at         int     // step of the evaluation
	tokens     int
	best       *lora.Best
}

// Name is what notes call the report.
func (c *Card) Name() string { return "the model card" }

// Begin takes over the log of the steps before.
func (c *Card) Begin(r Run) error {
	*c = Card{loss: math.NaN(), eval: math.NaN(), tokens: r.Past.state.Tokens, best: r.Best}
	for _, l := range r.Past.lines {
		if x, ok := l.get("loss"); ok {
			c.loss = x
		}
		if x, ok := l.get("eval_loss"); ok {
			c.eval, c.at = x, l.step
		}
	}
	return nil
}

// Observer collects the facts.
func (c *Card) Observer() lora.Observer {
	return lora.Observer{
		OnStep: func(p lora.Progress) error { c.tokens += p.Tokens; return nil },
		OnSkip: func(k lora.Skip) error { c.tokens += k.Tokens; return nil },
		OnLog:  func(p lora.Progress) error { c.loss = p.Loss; return nil },
		OnEval: func(e lora.Evaluated) error { c.eval, c.at, c.best = e.EvalLoss, e.Step, e.Lowest; return nil },
	}
}

// End has nothing to write: whoever saves the adapter does.
func (c *Card) End(End) error { return nil }

// Facts are those that are known.
func (c *Card) Facts() (facts []peft.Fact) {
	if c.tokens > 0 {
		facts = append(facts, peft.Fact{Name: "Tokens trained on", Value: strconv.Itoa(c.tokens)})
	}
	if !math.IsNaN(c.loss) {
		facts = append(facts, peft.Fact{Name: "Last logged loss", Value: fmt.Sprintf("%.4f", c.loss)})
	}
	if !math.IsNaN(c.eval) {
		facts = append(facts, peft.Fact{Name: "Evaluation loss", Value: fmt.Sprintf("%.4f after step %d", c.eval, c.at)})
	}
	if c.best != nil {
		facts = append(facts, peft.Fact{Name: "Lowest evaluation loss",
			Value: fmt.Sprintf("%.4f after step %d", c.best.EvalLoss, c.best.Step)})
	}
	return facts
}
