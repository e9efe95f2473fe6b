package lora

import (
	"context"
	"errors"
	"fmt"

	"github.com/vulora/vulora/qwen2"
)

// ProbeOptions are prompts that the model answers while it is trained, with the adapter as it is: before the first
// step, after each so many and after the last.
type ProbeOptions struct {
	Prompts []ProbePrompt
	Steps   int // 0 means not between the first and the last

	MaxNewTokens int
	EOS          []int32              // tokens that end an answer
	Sampling     qwen2.Sampling       // the zero value is greedy
	Decoder      func() qwen2.Decoder // a new one for each answer
}

// A ProbePrompt is a prompt as a person wrote it, and what the model reads.
type ProbePrompt struct {
	Text string
	IDs  []int32
}

// A prober answers the prompts, all in one session whose memory is made at once.
type prober struct {
	o       *ProbeOptions
	session *qwen2.Session
}

func (c *TrainConfig) newProber(t *trainer) (*prober, error) {
	o := &c.Probe
	if len(o.Prompts) == 0 {
		return nil, nil
	}
	if o.MaxNewTokens < 1 || o.Decoder == nil || o.Steps < 0 {
		return nil, fmt.Errorf("lora: probes: want at least 1 new token, a decoder and steps of at least 0, have %d new "+
			"tokens and steps %d", o.MaxNewTokens, o.Steps)
	}
	longest := 0
	for _, p := range o.Prompts {
		if len(p.IDs) == 0 {
			return nil, fmt.Errorf("lora: probe %q: want a prompt of at least one token, have none", p.Text)
		}
		if room := t.model.Positions() - o.MaxNewTokens; len(p.IDs) > room {
			return nil, fmt.Errorf("lora: probe %q: want at most the %d tokens that the model was loaded for, have %d and "+
				"%d new ones", p.Text, t.model.Positions(), len(p.IDs), o.MaxNewTokens)
		}
		longest = max(longest, len(p.IDs))
	}
	s, err := t.model.NewSession(longest+o.MaxNewTokens, t.adapter.ForModel())
	if err != nil {
		return nil, fmt.Errorf("lora: probes: %w", err)
	}
	err = s.Prepare(longest)
	for _, p := range o.Prompts {
		err = errors.Join(err, s.Prepare(len(p.IDs)))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lora: probes: %w", err), s.Close())
	}
	return &prober{o, s}, nil
}

// probe answers the prompts and tells the observers once all are answered, so that no answer is told of twice.
func (r *run) probe(ctx context.Context, p Progress) error {
	var all []Probed
	for _, prompt := range r.prober.o.Prompts {
		text, err := r.prober.answer(ctx, prompt)
		if err != nil {
			return err
		}
		all = append(all, Probed{Step: p.Step, Steps: p.Steps, Prompt: prompt.Text, Answer: text})
	}
	r.state.Probed = p.Step
	for _, a := range all {
		if err := tell(r.c.Observers, func(o *Observer) func(Probed) error { return o.OnProbe }, a); err != nil {
			return err
		}
	}
	return nil
}

func (b *prober) answer(ctx context.Context, p ProbePrompt) (string, error) {
	if ctx.Err() != nil {
		return "", errPending
	}
	b.session.Rewind(0)
	g, err := b.session.Generate(ctx, p.IDs, qwen2.GenerateOptions{Sampling: b.o.Sampling,
		MaxNewTokens: b.o.MaxNewTokens, EOS: b.o.EOS, Decoder: b.o.Decoder()})
	if err != nil {
		return "", fmt.Errorf("lora: probe %q: %w", p.Text, err)
	}
	if g.Reason == "interrupted" {
		return "", errPending
	}
	return g.Text, nil
}

// close may be called on nil.
func (b *prober) close() error {
	if b == nil {
		return nil
	}
	return b.session.Close()
}
