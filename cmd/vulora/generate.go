package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/tokenizer"
)

// defaultNewTokens bounds an answer where neither a flag nor generation_config.json does.
const defaultNewTokens = 256

// generateOptions are the flags of generate.
type generateOptions struct {
	model   modelOptions
	prompt  promptOptions
	sample  sampleOptions
	adapter string
	json    bool
}

// promptOptions say what is asked and how it is put.
type promptOptions struct {
	prompt, file, system, template string
	chat                           bool
}

func generateCommand() command {
	return command{
		name: "generate", brief: "complete a prompt",
		long: "Answers one prompt (--prompt, --prompt-file), or each line of the standard input. Defaults are those of\n" +
			"generation_config.json; its repetition penalty counts with --greedy too, as in transformers, unless\n" +
			"--repetition-penalty 1 is given. Ctrl-C stops the answer and exits with status 130.",
		examples: []string{
			`vulora generate --model ./Qwen2.5-0.5B-Instruct --chat --prompt "Why is the sky blue?"`,
			`vulora generate --model ./Qwen2.5-0.5B --adapter ./adapter --template alpaca --prompt "Name three rivers."`,
			`vulora generate --model ./Qwen2.5-0.5B --max-new-tokens 20 < prompts.txt`,
		},
		setup: func(f *flags) func(s *shell) error {
			o := new(generateOptions)
			o.model.add(f)
			f.group("Adapter", func(s *pflag.FlagSet) {
				s.StringVar(&o.adapter, "adapter", "", "`DIR` of a PEFT adapter to put on the model")
			})
			o.prompt.add(f)
			o.sample.add(f)
			f.group("Output", func(s *pflag.FlagSet) {
				s.BoolVar(&o.json, "json", false, "print each answer as a line of JSON, when it is complete")
			})
			return func(s *shell) error { return o.run(s, f) }
		},
	}
}

func (o *promptOptions) add(f *flags) {
	f.group("Prompt", func(s *pflag.FlagSet) {
		s.StringVar(&o.prompt, "prompt", "", "`TEXT` to complete")
		s.StringVar(&o.file, "prompt-file", "", "`FILE` with the text to complete")
		s.BoolVar(&o.chat, "chat", false, "put the prompt as a user's message in the model's chat template")
		s.StringVar(&o.system, "system", "", "system `TEXT` of the chat; the tokenizer's own if empty")
		choose(s, &o.template, "template", "put the prompt as an instruction, as train does", "none", "seed", "alpaca")
	})
}

func (o *promptOptions) check(f *flags) error {
	switch {
	case f.given("prompt") && o.file != "":
		return usagef("want either --prompt or --prompt-file, have both")
	case o.chat && o.template != "none":
		return usagef("want either --chat or --template, have both")
	case o.system != "" && !o.chat:
		return usagef("--system: want --chat beside it, have none")
	}
	return nil
}

// each calls do with every prompt.
func (o *promptOptions) each(s *shell, f *flags, do func(prompt string) error) error {
	switch {
	case f.given("prompt"):
		return do(o.prompt)
	case o.file != "":
		text, err := os.ReadFile(o.file)
		if err != nil {
			return fmt.Errorf("--prompt-file: %w", err)
		}
		return do(string(text))
	}
	if s.inTTY {
		return usagef("want --prompt, --prompt-file or prompts on the standard input, have none")
	}
	lines := bufio.NewScanner(s.in)
	lines.Buffer(nil, 16<<20)
	n := 0
	for lines.Scan() {
		if line := strings.TrimSuffix(lines.Text(), "\r"); strings.TrimSpace(line) != "" {
			n++
			if err := do(line); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	if n == 0 {
		return usagef("want --prompt, --prompt-file or a line on the standard input, have none")
	}
	return nil
}

// encode turns a prompt into tokens.
func (o *promptOptions) encode(t *tokenizer.Tokenizer, prompt string) ([]int32, error) {
	if o.chat {
		chat := []tokenizer.Message{{Role: "user", Content: prompt}}
		if o.system != "" {
			chat = append([]tokenizer.Message{{Role: "system", Content: o.system}}, chat...)
		}
		text, err := t.RenderChat(chat, nil, true)
		return t.Encode(text), err
	}
	if o.template != "none" {
		template, err := data.ParseTemplate(o.template)
		if err != nil {
			return nil, err
		}
		if prompt, _, err = template.Render(data.Row{Format: data.Alpaca, Prompt: prompt}); err != nil {
			return nil, err
		}
	}
	return t.Encode(prompt), nil
}

func (o *generateOptions) run(s *shell, f *flags) error {
	if err := errors.Join(o.prompt.check(f), o.sample.check(f)); err != nil {
		return err
	}
	if err := o.model.resolve(); err != nil {
		return err
	}
	c, err := readConfig(o.model.dir)
	if err != nil {
		return err
	}
	gc, err := qwen2.ReadGenerationConfig(o.model.dir, c)
	if err != nil {
		return err
	}
	if len(gc.Ignored) > 0 {
		s.note("generation_config.json: %s: not supported and ignored", strings.Join(gc.Ignored, ", "))
	}
	tok, err := o.model.tokenizer()
	if err != nil {
		return err
	}
	o.prompt.compare(s, f, o.adapter)
	return withModel(s, &o.model, 0, o.adapter, func(m *qwen2.Model, a *lora.Adapter) error {
		g := &answerer{s: s, model: m, adapter: a, tok: tok, settings: o.sample.settings(f, gc), prompt: &o.prompt}
		return o.prompt.each(s, f, func(prompt string) error { return o.answer(s, g, prompt) })
	})
}

// withModel opens the device, loads the model onto it for sequences of up to positions tokens (0 for as many as it
// allows) and the adapter in the folder of that name, if there is one, calls do with them and frees them.
func withModel(s *shell, o *modelOptions, positions int, adapter string,
	do func(m *qwen2.Model, a *lora.Adapter) error) (err error) {
	device, err := o.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, device.Close()) }()
	m, err := o.load(s, device, positions)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	a, err := loadForUse(s, m, o.model, adapter)
	if err != nil {
		return err
	}
	if a != nil {
		defer a.Close()
	}
	return do(m, a)
}

// loadForUse reads the adapter in dir for the model of that name, or returns nil where there is none to read.
func loadForUse(s *shell, m *qwen2.Model, model, dir string) (*lora.Adapter, error) {
	if dir == "" {
		return nil, nil
	}
	a, warnings, err := lora.LoadAdapter(m, dir)
	for _, w := range warnings {
		s.note("%s", w)
	}
	return a, otherBase(err, dir, model)
}

func (o *generateOptions) answer(s *shell, g *answerer, prompt string) error {
	show := func(piece string) { io.WriteString(s.out, harmless(piece, s.outTTY)) }
	if o.json {
		show = nil
	}
	out, err := g.answer(s.ctx, prompt, show)
	if err != nil {
		return err
	}
	if o.json {
		err = s.json(answerJSON{Prompt: prompt, Text: out.Text, IDs: out.IDs, Reason: out.Reason,
			PromptTokens:    out.PromptTokens,
			TokensPerSecond: out.DecodeRate()})
	} else {
		_, err = fmt.Fprintln(s.out)
	}
	fmt.Fprintf(s.err, "%d prompt tokens, %.0f/s; %d new tokens, %.1f/s; ended by %s\n", out.PromptTokens,
		out.PromptRate(), len(out.IDs), out.DecodeRate(),
		map[string]string{"eos": "the model", "stop": "a stop text", "length": "--max-new-tokens",
			"interrupted": "you"}[out.Reason])
	if err == nil && out.Reason == "interrupted" {
		err = errInterrupted
	}
	return err
}

// answerJSON is a line of generate --json.
type answerJSON struct {
	Prompt          string  `json:"prompt"`
	Text            string  `json:"text"`
	IDs             []int32 `json:"ids"`
	Reason          string  `json:"reason"`
	PromptTokens    int     `json:"prompt_tokens"`
	TokensPerSecond float64 `json:"tokens_per_second"`
}

func perSecond(n int, seconds float64) float64 { return float64(n) / max(seconds, 1e-9) }

// answerer answers prompts, each in a session of its own.
type answerer struct {
	s        *shell
	model    *qwen2.Model
	adapter  *lora.Adapter // or nil
	tok      *tokenizer.Tokenizer
	settings sampleSettings
	prompt   *promptOptions
}

func (g *answerer) answer(ctx context.Context, prompt string, show func(string)) (out *qwen2.Generated, err error) {
	ids, err := g.prompt.encode(g.tok, prompt)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, usagef("want a prompt of at least one token, have an empty one")
	}
	n, room := g.settings.newTokens, g.model.Positions()-len(ids)
	if room < 1 || n > room && g.settings.exactly {
		return nil, fmt.Errorf("want at most the %d tokens that the model allows, have a prompt of %d and %d new ones: "+
			"shorten the prompt or lower --max-new-tokens", g.model.Positions(), len(ids), n)
	}
	n = min(n, room)
	var adapters *qwen2.Adapters
	if g.adapter != nil {
		adapters = g.adapter.ForModel()
	}
	session, err := g.model.NewSession(len(ids)+n, adapters)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	o := qwen2.GenerateOptions{Sampling: g.settings.sampling, MaxNewTokens: n, EOS: g.settings.eos, Stop: g.settings.stop,
		Decoder: g.tok.Stream(true), OnText: show}
	if end, ok := g.tok.ID("<|im_end|>"); ok && g.prompt.chat {
		o.EOS = append(o.EOS[:len(o.EOS):len(o.EOS)], end) // a base model's own list has only the end of a text
	}
	return session.Generate(ctx, ids, o)
}
