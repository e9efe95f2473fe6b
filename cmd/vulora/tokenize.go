package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2/tokenizer"
)

// tokenizeOptions are the flags of tokenize.
type tokenizeOptions struct {
	model modelOptions
	data  dataOptions
	text  string
	chat  bool
	rows  int
	json  bool
}

func tokenizeCommand() command {
	return command{
		name: "tokenize", brief: "the tokens of a text, or of rows as training will see them",
		long: "Prints id, label and piece of each token. Of rows, what the loss leaves out has no label and is dimmed on\n" +
			"a terminal.",
		examples: []string{
			`vulora tokenize --model ./Qwen2.5-0.5B --text "Hello, world"`,
			`vulora tokenize --model ./Qwen2.5-0.5B --data rows.json --template alpaca --rows 1`,
		},
		setup: func(f *flags) func(s *shell) error {
			o := new(tokenizeOptions)
			f.group("Model", o.model.addModel)
			f.group("Text", func(s *pflag.FlagSet) {
				s.StringVar(&o.text, "text", "", "`TEXT` to tokenise; the standard input if there is neither text nor data")
				s.StringVar(&o.text, "prompt", "", "the same")
				s.BoolVar(&o.chat, "chat", false, "put the text as a user's message in the model's chat template")
				s.IntVar(&o.rows, "rows", 3, "so many of the first rows of the data")
			})
			o.data.add(f)
			f.group("Output", func(s *pflag.FlagSet) {
				s.BoolVar(&o.json, "json", false,
					"print a line of JSON per text or row")
			})
			return func(s *shell) error { return o.run(s, f) }
		},
	}
}

func (o *tokenizeOptions) run(s *shell, f *flags) error {
	if o.rows < 1 {
		return usagef("--rows: want at least 1, have %d", o.rows)
	}
	if err := o.model.resolve(); err != nil {
		return err
	}
	tok, err := o.model.tokenizer()
	if err != nil {
		return err
	}
	if len(o.data.files) == 0 {
		return o.tokenizeText(s, f, tok)
	}
	c, err := readConfig(o.model.dir)
	if err != nil {
		return err
	}
	if err := o.data.settle(s, f, c); err != nil {
		return err
	}
	if o.data.limit == 0 || o.data.limit > o.rows {
		o.data.limit = o.rows
	}
	rows, err := o.data.build(s, tok, c)
	if err != nil {
		return err
	}
	for _, e := range rows.examples {
		t := tokenized{Where: rows.where(e), IDs: e.IDs, Labels: e.Labels}
		if err := t.print(s, tok, o.json); err != nil {
			return err
		}
	}
	return nil
}

func (o *tokenizeOptions) tokenizeText(s *shell, f *flags, tok *tokenizer.Tokenizer) error {
	if !f.given("text") && !f.given("prompt") {
		if s.inTTY {
			return usagef("want --text, --data or a text on the standard input, have none")
		}
		text, err := io.ReadAll(s.in)
		if err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		o.text = string(text)
	}
	t := tokenized{}
	if o.chat {
		var err error
		if t.IDs, _, err = tok.EncodeChat([]tokenizer.Message{{Role: "user", Content: o.text}}, nil, true); err != nil {
			return err
		}
	} else {
		t.IDs = tok.Encode(o.text)
	}
	return t.print(s, tok, o.json)
}

// tokenized is a text or row as tokens.
type tokenized struct {
	Where  string   `json:"where,omitempty"`
	IDs    []int32  `json:"ids"`
	Pieces []string `json:"pieces"`
	Labels []int32  `json:"labels,omitempty"`
}

func (t *tokenized) print(s *shell, tok *tokenizer.Tokenizer, asJSON bool) error {
	t.Pieces = make([]string, len(t.IDs))
	for i, id := range t.IDs {
		t.Pieces[i] = tok.Piece(id)
	}
	if asJSON {
		return s.json(t)
	}
	trained := 0
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i, id := range t.IDs {
		label := ""
		if len(t.Labels) > 0 && t.Labels[i] != data.Ignore {
			label = fmt.Sprint(t.Labels[i])
			trained++
		}
		if len(t.Labels) > 0 {
			fmt.Fprintf(w, "%d\t%d\t%s\t%s\n", i, id, label, t.Pieces[i])
		} else {
			fmt.Fprintf(w, "%d\t%d\t%s\n", i, id, t.Pieces[i])
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if t.Where != "" {
		fmt.Fprintf(s.out, "%s: %d tokens, %d trained on\n", t.Where, len(t.IDs), trained)
		fmt.Fprintf(s.out, "%s\n\n", markedText(tok, data.Example{IDs: t.IDs, Labels: t.Labels}, s.outColour, 1<<20))
	}
	for i, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		if s.outColour && len(t.Labels) > 0 && t.Labels[i] == data.Ignore {
			line = "\x1b[2m" + line + "\x1b[0m"
		}
		if _, err := fmt.Fprintln(s.out, line); err != nil {
			return err
		}
	}
	if t.Where == "" {
		fmt.Fprintf(s.err, "%d tokens\n", len(t.IDs))
	} else {
		fmt.Fprintln(s.out)
	}
	return nil
}
