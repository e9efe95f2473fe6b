package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/tokenizer"
)

// tokenizeOptions are the flags of tokenize.
type tokenizeOptions struct {
	model modelOptions
	data  dataOptions
	text  string
	chat  bool
	file  string // of a conversation
	rows  int
	json  bool
}

func tokenizeCommand() command {
	return command{
		name: "tokenize", brief: "the tokens of a text, or of rows as training will see them",
		long: "Prints id, label and piece of each token. Of rows and conversations, what the loss leaves out has no label\n" +
			"and is dimmed on a terminal, where what is trained on is green; elsewhere and with NO_COLOR it is in ⟦⟧.",
		examples: []string{
			`vulora tokenize --model ./Qwen2.5-0.5B --text "Hello, world"`,
			`vulora tokenize --model ./Qwen2.5-0.5B --data rows.json --template alpaca --rows 1`,
			`vulora tokenize --model ./Qwen2.5-0.5B-Instruct --messages chat.json`,
		},
		setup: func(f *flags) func(s *shell) error {
			o := new(tokenizeOptions)
			f.group("Model", o.model.addModel)
			f.group("Text", func(s *pflag.FlagSet) {
				s.StringVar(&o.text, "text", "", "`TEXT` to tokenise; the standard input if there is neither text nor data")
				s.StringVar(&o.text, "prompt", "", "the same")
				s.BoolVar(&o.chat, "chat", false, "put the text as a user's message in the model's chat template")
				s.StringVar(&o.file, "messages", "", "`FILE` of JSON with a conversation: an array of messages of role and "+
					"content, or an object with messages and tools")
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
	if o.file != "" && (len(o.data.files) > 0 || f.given("text") || f.given("prompt")) {
		return usagef("--messages: want no --text and no --data beside it")
	}
	if len(o.data.files) > 0 && (f.given("text") || f.given("prompt")) {
		return usagef("want either --text or --data, have both")
	}
	if o.chat && (o.file != "" || len(o.data.files) > 0) {
		return usagef("--chat: want a text, have --messages or --data: --template chatml puts rows in the chat template")
	}
	if o.file == "" && len(o.data.files) == 0 {
		return o.tokenizeText(s, f, tok)
	}
	c, err := readConfig(o.model.dir)
	if err != nil {
		return err
	}
	if err := o.data.settle(s, f, c); err != nil {
		return err
	}
	if o.file != "" {
		return o.tokenizeChat(s, tok, c)
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
		if o.text, err = tok.RenderChat([]tokenizer.Message{{Role: "user", Content: o.text}}, nil, true); err != nil {
			return err
		}
	}
	t.IDs = tok.Encode(o.text)
	return t.print(s, tok, o.json)
}

// tokenizeChat takes a conversation as a row of a data file.
func (o *tokenizeOptions) tokenizeChat(s *shell, tok *tokenizer.Tokenizer, c *qwen2.Config) error {
	raw, err := os.ReadFile(o.file)
	if err != nil {
		return usagef("--messages: %s", err)
	}
	if text := bytes.TrimSpace(raw); bytes.HasPrefix(text, []byte("[")) && json.Valid(text) {
		raw = slices.Concat([]byte(`{"messages":`), text, []byte("}"))
	}
	set, err := data.Parse(o.file+".json", raw, data.ReadOptions{Columns: nil, Format: data.Messages})
	if err != nil {
		return fmt.Errorf("--messages: %s", strings.ReplaceAll(plain(err.Error()), o.file+".json", o.file))
	}
	o.data.template = "chatml"
	bo, err := o.data.buildOptions(tok, c, 1)
	if err != nil {
		return err
	}
	examples, _, err := data.Build(set.Rows[:1], tok, chatEncoder{tok, bo.TrainOn}, bo)
	if err != nil {
		return fmt.Errorf("--messages: %s", strings.ReplaceAll(plain(err.Error()), o.file+".json", o.file))
	}
	t := tokenized{Where: o.file, IDs: examples[0].IDs, Labels: examples[0].Labels}
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
		fmt.Fprintf(s.out, "%s\n\n", markedText(tok, data.Example{IDs: t.IDs, Labels: t.Labels}, s.outTTY, s.outColour,
			1<<20))
	}
	for i, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		if s.outColour && len(t.Labels) > 0 {
			line = coloured(line, t.Labels[i] == data.Ignore)
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

// coloured is a text dimmed where it is masked and green where it is trained on.
func coloured(text string, masked bool) string {
	if masked {
		return "\x1b[2m" + text + "\x1b[0m"
	}
	return "\x1b[32m" + text + "\x1b[0m"
}
