package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/qwen2"
)

// evalOptions are the flags of eval.
type evalOptions struct {
	model     modelOptions
	data      dataOptions
	adapter   string
	batchSize int
	json      bool
}

func evalCommand() command {
	return command{
		name: "eval", brief: "loss and perplexity on rows, without and with an adapter",
		long: "Measures the loss of the rows as training would see them, in nats per token, and its exponential, the\n" +
			"perplexity. Every token that counts has the same weight. Rows of a plain text file are its windows of\n" +
			"--max-length tokens. transformers' Trainer.evaluate averages its batches by rows instead: with\n" +
			"--per-device-eval-batch-size its figure is given too.",
		examples: []string{
			"vulora eval --model ./Qwen2.5-0.5B --data book.txt --limit 64",
			"vulora eval --model ./Qwen2.5-0.5B --adapter ./adapter --data rows.json --template seed",
			"vulora eval --model ./Qwen2.5-0.5B --data book.txt --quantization nf4 --double-quant --json",
		},
		setup: func(f *flags) func(s *shell) error {
			o := new(evalOptions)
			o.model.add(f)
			f.group("Adapter", func(s *pflag.FlagSet) {
				s.StringVar(&o.adapter, "adapter", "", "`DIR` of a PEFT adapter: the loss is also measured with it")
			})
			f.group("Data", func(s *pflag.FlagSet) {
				o.data.addRows(s)
				s.IntVar(&o.batchSize, "per-device-eval-batch-size", 0,
					fmt.Sprintf("rows of a batch; 0 fills batches up to %d tokens", lora.DefaultEvaluateTokens))
			})
			f.group("Output", func(s *pflag.FlagSet) {
				s.BoolVar(&o.json, "json", false, "print JSON")
			})
			return func(s *shell) error { return o.run(s, f) }
		},
	}
}

func (o *evalOptions) run(s *shell, f *flags) error {
	if o.batchSize < 0 {
		return usagef("--per-device-eval-batch-size: want at least 0, have %d", o.batchSize)
	}
	if len(o.data.files) == 0 {
		return usagef("--data: want a file of rows, have none")
	}
	o.model.follow(f, o.data.compat)
	if err := o.model.resolve(); err != nil {
		return err
	}
	c, err := readConfig(o.model.dir)
	if err != nil {
		return err
	}
	if err := o.data.settle(s, f, c); err != nil {
		return err
	}
	tok, err := o.model.tokenizer()
	if err != nil {
		return err
	}
	o.data.cache = o.model.newRowCache()
	rows, err := o.data.build(s, tok, c)
	if err != nil {
		return err
	}
	return withModel(s, &o.model, o.data.maxLength, o.adapter, func(m *qwen2.Model, a *lora.Adapter) error {
		describeModel(s, &o.model, m)
		describeRows(s, rows, o.data.maxLength, "predicted")
		return o.measure(s, m, a, rows)
	})
}

// evalResult is what eval --json prints.
type evalResult struct {
	Rows       int         `json:"rows"`
	Tokens     int         `json:"tokens"`
	Supervised int         `json:"supervised"`
	Base       *evalFigure `json:"base"`
	Adapter    *evalFigure `json:"adapter,omitempty"`
	PeakBytes  int64       `json:"peak_bytes,omitempty"`
}

type evalFigure struct {
	Loss            float64  `json:"loss"`
	Perplexity      float64  `json:"perplexity"`
	TrainerLoss     *float64 `json:"eval_loss,omitempty"` // transformers'
	Seconds         float64  `json:"seconds"`
	TokensPerSecond float64  `json:"tokens_per_second"`
}

// measure evaluates the model alone, then with the adapter if there is one, and prints the figures.
func (o *evalOptions) measure(s *shell, m *qwen2.Model, a *lora.Adapter, rows *dataset) error {
	r := rows.report
	out := evalResult{Rows: r.Examples, Tokens: r.Tokens, Supervised: r.Supervised}
	var err error
	if out.Base, err = o.figure(s, "base", m, nil, rows); err != nil {
		return err
	}
	if a != nil {
		if out.Adapter, err = o.figure(s, "adapter", m, a, rows); err != nil {
			return err
		}
	}
	out.PeakBytes = peakMemory()
	if o.json {
		return s.json(out)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 3, ' ', tabwriter.AlignRight)
	trainer := ""
	if o.batchSize > 0 {
		trainer = "eval_loss\t"
	}
	fmt.Fprintf(w, "\tloss\tperplexity\t%s\n", trainer)
	for _, f := range []struct {
		name string
		*evalFigure
	}{{"base", out.Base}, {"adapter", out.Adapter}} {
		if f.evalFigure == nil {
			continue
		}
		if f.TrainerLoss != nil {
			trainer = fmt.Sprintf("%.4f\t", *f.TrainerLoss)
		}
		fmt.Fprintf(w, "%s\t%.4f\t%.4g\t%s\n", f.name, f.Loss, f.Perplexity, trainer)
	}
	return w.Flush()
}

// figure evaluates the model with a, or alone.
func (o *evalOptions) figure(s *shell, name string, m *qwen2.Model, a *lora.Adapter, rows *dataset) (*evalFigure,
	error) {
	p := evalProgress{s: s, name: name, rows: len(rows.examples), tokens: rows.report.Tokens}
	eo := lora.EvaluateOptions{Rows: o.batchSize, OnBatch: p.batch}
	e, err := lora.Evaluate(s.ctx, m, a, rows.examples, eo)
	p.end()
	if errors.Is(err, context.Canceled) {
		fmt.Fprintf(s.err, "interrupted after %d of %d rows", e.Rows, p.rows)
		if e.Supervised > 0 {
			fmt.Fprintf(s.err, ": loss %.4f until there", e.Loss)
		}
		fmt.Fprintln(s.err)
		return nil, errInterrupted
	}
	if err != nil {
		return nil, err
	}
	seconds := e.Elapsed.Seconds()
	s.fact(name, "%s tokens in %s, %.0f tokens/s; peak memory %s", countText(e.Tokens), durationText(e.Elapsed),
		perSecond(e.Tokens, seconds), bytesText(peakMemory()))
	f := &evalFigure{Loss: e.Loss, Perplexity: e.Perplexity(), Seconds: seconds,
		TokensPerSecond: perSecond(e.Tokens, seconds)}
	if o.batchSize > 0 {
		f.TrainerLoss = &e.BatchLoss
	}
	return f, nil
}

// evalProgress shows how an evaluation goes: a line that is rewritten on a terminal, a line now and then elsewhere.
type evalProgress struct {
	s            *shell
	name         string
	rows, tokens int
	shown        bool
	last         time.Duration
}

// evalEvery is the time between two lines where there is no terminal.
const evalEvery = 10 * time.Second

func (p *evalProgress) batch(e lora.Evaluation) error {
	left := time.Duration(float64(e.Elapsed) / float64(e.Tokens) * float64(p.tokens-e.Tokens))
	text := fmt.Sprintf("%s %d/%d rows  loss %.4f  %.0f tokens/s  %s elapsed  %s left", p.name, e.Rows, p.rows, e.Loss,
		perSecond(e.Tokens, e.Elapsed.Seconds()), durationText(e.Elapsed), durationText(left))
	switch {
	case p.s.errTTY:
		if w := p.s.columns() - 1; utf8.RuneCountInString(text) > w {
			text = string([]rune(text)[:w])
		}
		fmt.Fprintf(p.s.err, "\r\x1b[K%s", text)
		p.shown = true
	case e.Elapsed-p.last >= evalEvery:
		p.last = e.Elapsed
		fmt.Fprintln(p.s.err, text)
	}
	return nil
}

func (p *evalProgress) end() {
	if p.shown {
		fmt.Fprintln(p.s.err)
	}
}
