package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/tokenizer"
)

// dataOptions say how files become examples.
type dataOptions struct {
	files                             []string
	format, template, system, trainOn string
	appendEOS, shuffle                bool
	maxLength, limit                  int
	compat                            string
}

func (o *dataOptions) add(f *flags) {
	f.group("Data", func(s *pflag.FlagSet) {
		o.addRows(s)
		s.BoolVar(&o.shuffle, "shuffle", true, "a new order in each epoch, that of transformers; --no-shuffle keeps that "+
			"of the files")
	})
}

// addRows adds what matters where rows are only read once.
func (o *dataOptions) addRows(s *pflag.FlagSet) {
	s.StringArrayVar(&o.files, "data", nil, "`FILE` of rows: .json, .jsonl, .csv or .txt; may be repeated")
	choose(s, &o.format, "format", "fields of a row: instruction, input, output; prompt, completion; or text",
		"auto", "alpaca", "completion", "text")
	choose(s, &o.template, "template", "how a row becomes a prompt; auto is alpaca for alpaca rows and none for others",
		"auto", "seed", "alpaca", "chatml", "none")
	s.StringVar(&o.system, "system", "", "system `TEXT` of the chatml template; the tokenizer's own if empty")
	choose(s, &o.trainOn, "train-on", "which tokens the loss is over", "completion", "all")
	s.BoolVar(&o.appendEOS, "append-eos", true, "end each row with the end-of-text token, so that the model learns "+
		"to stop")
	s.IntVar(&o.maxLength, "max-length", data.DefaultMaxLength, "longest row in tokens; what is beyond is cut off")
	s.IntVar(&o.limit, "limit", 0, "use the first `N` rows only; 0 for all")
	choose(s, &o.compat, "compat", "seed: as scripts do that pad with the end of text: template seed, all tokens "+
		"trained on, no end of text, the base in fp4",
		"none", "seed")
}

// settle applies --compat and the limit of the model. A value that was given stays.
func (o *dataOptions) settle(s *shell, f *flags, c *qwen2.Config) error {
	if o.compat == "seed" {
		if !f.given("template") {
			o.template = "seed"
		}
		if !f.given("train-on") {
			o.trainOn = "all"
		}
		if !f.given("append-eos") {
			o.appendEOS = false
		}
	}
	if o.maxLength > c.MaxPositions {
		if f.given("max-length") {
			return usagef("--max-length: want at most %d, which is what the model allows (max_position_embeddings), have %d",
				c.MaxPositions, o.maxLength)
		}
		s.note("rows are cut to %d tokens: the model allows no more", c.MaxPositions)
		o.maxLength = c.MaxPositions
	}
	if o.limit < 0 {
		return usagef("--limit: want at least 0, have %d", o.limit)
	}
	return nil
}

// dataset is what the files became.
type dataset struct {
	set      *data.Set
	examples []data.Example
	report   data.Report
}

// build reads the files and tokenises the rows.
func (o *dataOptions) build(t *tokenizer.Tokenizer, c *qwen2.Config) (*dataset, error) {
	if len(o.files) == 0 {
		return nil, usagef("--data: want a file of rows, have none")
	}
	format, err := data.ParseFormat(o.format)
	if err != nil {
		return nil, err
	}
	set, err := data.ReadFiles(o.files, data.ReadOptions{Format: format, Limit: o.limit,
		AllowEmptyOutput: o.compat == "seed"})
	if err != nil {
		return nil, err
	}
	bo, err := o.buildOptions(t, c)
	if err != nil {
		return nil, err
	}
	examples, report, err := data.Build(set.Rows, t, chatEncoder{t}, bo)
	if err != nil {
		return nil, err
	}
	return &dataset{set, examples, report}, nil
}

func (o *dataOptions) buildOptions(t *tokenizer.Tokenizer, c *qwen2.Config) (data.Options, error) {
	bo := data.Options{System: o.system, AppendEOS: o.appendEOS, MaxLength: o.maxLength, Limit: o.limit}
	var err error
	if bo.Template, err = data.ParseTemplate(o.template); err != nil {
		return bo, err
	}
	if bo.TrainOn, err = data.ParseTrainOn(o.trainOn); err != nil {
		return bo, err
	}
	eos, ok := t.EOS()
	if !ok && len(c.EOS) > 0 {
		eos, ok = int32(c.EOS[0]), true
	}
	if !ok && (o.appendEOS || o.compat == "seed") {
		return bo, fmt.Errorf("want an end-of-text token in tokenizer_config.json (eos_token) or config.json " +
			"(eos_token_id), have none: use --append-eos=false to train without")
	}
	bo.EOS = eos
	bo.MaskPad, bo.Pad = o.compat == "seed", eos // pad = end of text there
	return bo, nil
}

// chatEncoder lets package data use a tokenizer's chat template.
type chatEncoder struct{ t *tokenizer.Tokenizer }

func (e chatEncoder) EncodeChat(messages []data.Message) ([]int32, []bool, error) {
	chat := make([]tokenizer.Message, len(messages))
	for i, m := range messages {
		chat[i] = tokenizer.Message{Role: m.Role, Content: m.Content}
	}
	return e.t.EncodeChat(chat, nil, false)
}
