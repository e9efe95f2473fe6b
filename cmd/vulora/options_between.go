package main

import (
	"errors"
	"fmt"
	"math"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/tokenizer"
)

// betweenOptions say what is done between the steps of a run, with transformers' names: evaluation, what follows from
// it, and probes.
type betweenOptions struct {
	strategy  string
	steps     int
	batchSize int
	best      bool
	metric    string
	patience  int
	threshold float64

	probes      []string
	probeSteps  int
	probeTokens int
}

func (o *betweenOptions) add(f *flags) {
	f.group("Evaluation", func(s *pflag.FlagSet) {
		choose(s, &o.strategy, "eval-strategy", "when the loss over the rows kept for evaluation is measured, besides "+
			"before training and at the end", "no", "steps", "epoch")
		s.IntVar(&o.steps, "eval-steps", 0, "measure it after each so many steps (--eval-strategy steps); without, "+
			"those of --logging-steps")
		s.IntVar(&o.batchSize, "per-device-eval-batch-size", 0, "rows of a batch; eval_loss is then transformers', the "+
			"mean of batches by rows; 0 packs rows, and it is the mean over tokens")
		s.BoolVar(&o.best, "load-best-model-at-end", false, "leave the adapter of the step with the lowest eval_loss, "+
			"which gets a checkpoint whatever --save-strategy")
		choose(s, &o.metric, "metric-for-best-model", "what the best step is chosen by: nothing but the loss is measured",
			"eval_loss", "loss")
		s.IntVar(&o.patience, "early-stopping-patience", 0, "end after so many evaluations in a row without a lower "+
			"eval_loss; 0 for never")
		s.Float64Var(&o.threshold, "early-stopping-threshold", 0, "how much lower it has to be to count")
	})
	f.group("Probes", func(s *pflag.FlagSet) {
		s.StringArrayVar(&o.probes, "probe", nil, "`TEXT` that the model answers while it is trained, put as the rows are; "+
			"may be repeated")
		s.IntVar(&o.probeSteps, "probe-steps", 0, "answer after each so many steps, besides before training and at the "+
			"end; 0 for a tenth of the run")
		s.IntVar(&o.probeTokens, "probe-max-new-tokens", 64, "longest answer to a probe")
	})
}

// settle completes and checks o. rows tells whether there are any to evaluate on.
func (o *betweenOptions) settle(f *flags, rows bool, loggingSteps int) error {
	rank := map[string]int{"flag": 3, "environment": 2, "config": 1}
	if o.steps > 0 && o.strategy == "no" && rank[f.source["eval-steps"]] > rank[f.source["eval-strategy"]] {
		o.strategy = "steps"
	}
	if o.strategy == "steps" && o.steps == 0 {
		o.steps = loggingSteps
	}
	var all faults
	all.want(o.strategy != "steps" || o.steps > 0, "eval-steps", "at least 1", o.steps)
	all.want(o.steps >= 0, "eval-steps", "at least 0", o.steps)
	asked := "eval-strategy"
	if f.source[asked] == "" {
		asked = "eval-steps"
	}
	all.want(o.strategy == "no" || rows, asked, "--eval-data FILE or --eval-fraction 0.1 beside it", "neither")
	all.want(o.batchSize >= 0, "per-device-eval-batch-size", "at least 0", o.batchSize)
	const between, none = "--eval-steps N or --eval-strategy epoch beside it", `--eval-strategy "no"`
	all.want(!o.best || o.strategy != "no", "load-best-model-at-end", between, none)
	all.want(o.patience >= 0, "early-stopping-patience", "at least 0", o.patience)
	all.want(o.patience == 0 || o.strategy != "no", "early-stopping-patience", between, none)
	all.want(o.threshold >= 0 && o.threshold <= math.MaxFloat64, "early-stopping-threshold", "at least 0", o.threshold)
	all.want(o.threshold == 0 || o.patience > 0, "early-stopping-threshold", "--early-stopping-patience beside it", "none")
	all.want(o.probeSteps >= 0, "probe-steps", "at least 0", o.probeSteps)
	all.want(o.probeTokens >= 1, "probe-max-new-tokens", "at least 1", o.probeTokens)
	return errors.Join(all...)
}

// eval is what lora is told of evaluations.
func (o *betweenOptions) eval(rows *dataset) lora.EvalOptions {
	if rows.eval == nil {
		return lora.EvalOptions{}
	}
	e := lora.EvalOptions{Examples: rows.eval.examples, Rows: o.batchSize, Epochs: o.strategy == "epoch",
		LoadBest: o.best, Patience: o.patience, Threshold: o.threshold}
	if o.strategy == "steps" {
		e.Steps = o.steps
	}
	return e
}

// probe is what lora is told of probes: prompts as the run's rows have them, answered as generate --greedy does.
func (o *trainOptions) probe(tok *tokenizer.Tokenizer, rows *dataset, c *qwen2.Config) (lora.ProbeOptions, error) {
	b := &o.between
	p := lora.ProbeOptions{Steps: b.probeSteps, MaxNewTokens: b.probeTokens,
		Decoder: func() qwen2.Decoder { return tok.Stream(true) }}
	if len(b.probes) == 0 {
		return p, nil
	}
	gc, err := qwen2.ReadGenerationConfig(o.model.dir, c)
	if err != nil {
		return p, err
	}
	gc.DoSample = false
	p.Sampling = gc.Sampling()
	for _, id := range gc.EOS {
		p.EOS = append(p.EOS, int32(id))
	}
	template, err := data.ParseTemplate(o.data.template)
	if err != nil {
		return p, err
	}
	put := promptOptions{template: string(template.For(rows.files[0].Format))}
	if put.template == string(data.TemplateChatML) {
		put = promptOptions{template: string(data.TemplateNone), chat: true, system: o.data.system}
		if end, ok := tok.ID("<|im_end|>"); ok {
			p.EOS = append(p.EOS, end) // a base model's own list has only the end of a text
		}
	}
	for _, text := range b.probes {
		ids, err := put.encode(tok, text)
		if err != nil {
			return p, fmt.Errorf("--probe %q: %w", text, err)
		}
		if len(ids) == 0 {
			return p, usagef("--probe: want a text of at least one token, have an empty one")
		}
		if n := len(ids) + b.probeTokens; n > c.MaxPositions {
			return p, usagef("--probe: want at most the %d tokens that the model allows, have %d and %d new ones: shorten "+
				"it or lower --probe-max-new-tokens", c.MaxPositions, len(ids), b.probeTokens)
		}
		p.Prompts = append(p.Prompts, lora.ProbePrompt{Text: text, IDs: ids})
	}
	return p, nil
}

// positions is the longest sequence of a run: a row, or a probe and its answer.
func positions(maxLength int, p lora.ProbeOptions) int {
	for _, x := range p.Prompts {
		maxLength = max(maxLength, len(x.IDs)+p.MaxNewTokens)
	}
	return maxLength
}
