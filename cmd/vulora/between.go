package main

import (
	"fmt"
	"strings"

	"github.com/vulora/vulora/lora"
)

// describeBetween says what will be done between the steps.
func (t *training) describeBetween() {
	o := &t.o.between
	if t.rows.eval != nil {
		when := map[string]string{"no": "", "steps": fmt.Sprintf(", after each %d steps", o.steps),
			"epoch": ", after each epoch"}[o.strategy]
		what := "the mean over tokens"
		if o.batchSize > 0 {
			what = fmt.Sprintf("the mean of batches of %d rows, as in transformers", o.batchSize)
		}
		then := ""
		if o.best {
			then = "; the adapter of the lowest is kept"
		}
		if o.patience > 0 {
			then += fmt.Sprintf("; %s without a lower one end the run", evaluations(o.patience))
		}
		t.s.fact("evaluated", "before training%s and at the end; eval_loss is %s%s", when, what, then)
	}
	if n := len(t.probe.Prompts); n > 0 {
		t.s.fact("probes", "%d, before training, after each %d steps and at the end", n, t.probe.Steps)
	}
}

func evaluations(n int) string {
	if n == 1 {
		return "1 evaluation"
	}
	return fmt.Sprintf("%d evaluations", n)
}

// onEval shows an evaluation.
func (t *training) onEval(e lora.Evaluated) error {
	t.eval.last, t.eval.shown = 0, false
	if e.Err != nil {
		t.progress.note("%s: no loss over the rows kept for evaluation: %s: going on", stepText(e.Step, e.Steps),
			plain(e.Err.Error()))
	} else {
		t.progress.line(evalText(e, t.o.between.batchSize > 0))
	}
	return nil
}

func evalText(e lora.Evaluated, batches bool) string {
	text := fmt.Sprintf("eval      %s: loss %.4f", stepText(e.Step, e.Steps), e.Loss.Loss)
	if batches {
		text += fmt.Sprintf(", eval_loss %.4f", e.EvalLoss)
	}
	switch {
	case e.Best:
		text += ", the lowest so far"
	case e.Lowest != nil:
		text += fmt.Sprintf(", lowest %.4f after step %d", e.Lowest.EvalLoss, e.Lowest.Step)
	}
	return fmt.Sprintf("%s; perplexity %.2f; %s", text, e.Loss.Perplexity(), durationText(e.Loss.Elapsed))
}

func stepText(step, steps int) string {
	if step == 0 {
		return "before training"
	}
	return fmt.Sprintf("step %d/%d", step, steps)
}

// onProbe shows an answer.
func (t *training) onProbe(p lora.Probed) error {
	indented := func(text string) string {
		return strings.ReplaceAll(strings.TrimSpace(harmless(text, t.s.errTTY)), "\n", "\n      ")
	}
	t.progress.line(fmt.Sprintf("probe     %s: %s\n    → %s", stepText(p.Step, p.Steps), indented(p.Prompt),
		indented(p.Answer)))
	return nil
}

// ending says why the run is over, where that is not because of its last step, or that it was over before.
func (t *training) ending(r lora.TrainReport) {
	early := fmt.Sprintf("eval_loss was no lower for %s in a row", evaluations(t.o.between.patience))
	switch {
	case t.ended && r.StoppedEarly:
		fmt.Fprintf(t.s.err, "nothing to do: the run ended early after step %d of %d: %s\n", r.Steps, t.steps, early)
	case t.ended:
		fmt.Fprintf(t.s.err, "nothing to do: all %d steps are done\n", r.Steps)
	default:
		if r.StoppedEarly {
			fmt.Fprintf(t.s.err, "ended early after step %d: %s (--early-stopping-patience)\n", r.Steps, early)
		}
		fmt.Fprintf(t.s.err, "trained   %d of %d steps, mean loss %.4f; %s tokens in %s, %.0f tokens/s; peak memory %s\n",
			r.Steps, t.steps, r.Loss, countText(r.Tokens), durationText(r.Elapsed), perSecond(r.Tokens,
				r.Elapsed.Seconds()), t.peak())
	}
}

// judged says what evaluation found of the adapter in the output.
func (t *training) judged(r lora.TrainReport) {
	best := r.Best
	switch {
	case r.BestErr != nil:
		t.s.note("%s: the adapter is that of the last step", plain(r.BestErr.Error()))
	case t.o.between.best && best == nil:
		t.s.note("no eval_loss was finite: the adapter is that of the last step")
	case t.o.between.best:
		fmt.Fprintf(t.s.err, "best      step %d, whose eval_loss %.4f is the lowest: the adapter is that of this step\n",
			best.Step, best.EvalLoss)
	case best != nil && best.Step != r.Steps:
		where := ""
		if best.Dir != "" && exists(best.Dir, "adapter_config.json") {
			where = ": " + best.Dir + " has that adapter"
		}
		t.s.note("eval_loss was lower after step %d, %.4f%s (--load-best-model-at-end leaves the best in the output)",
			best.Step, best.EvalLoss, where)
	}
	if r.After == nil {
		return
	}
	was, perplexityWas := "", ""
	if r.Before != nil {
		was = fmt.Sprintf(", was %.4f", r.Before.Loss)
		perplexityWas = fmt.Sprintf(", was %.2f", r.Before.Perplexity())
	}
	fmt.Fprintf(t.s.err, "eval      loss %.4f%s, over %s tokens of %s rows; perplexity %.2f%s\n", r.After.Loss, was,
		countText(r.After.Supervised), countText(r.After.Rows), r.After.Perplexity(), perplexityWas)
}
