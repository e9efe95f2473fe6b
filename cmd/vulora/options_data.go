package main

import (
	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
)

// dataOptions say how files become examples.
type dataOptions struct {
	files                             []string
	format, template, system, trainOn string
	appendEOS, shuffle                bool
	maxLength, limit                  int
	compat                            string
	cache                             rowCache

	columns []string // field=column
	skipBad string   // where bad rows go; empty makes them an error
	skipDir string   // of the command, for --skip-bad-rows without a file

	evalFiles    []string
	evalFraction float64
}

// skippedName is the file of bad rows in the folder of a run.
const skippedName = "skipped_rows.jsonl"

func (o *dataOptions) add(f *flags) {
	f.group("Data", func(s *pflag.FlagSet) {
		o.addRows(s)
		s.StringArrayVar(&o.evalFiles, "eval-data", nil, "`FILE` of rows that are not trained on, whose loss is "+
			"measured before, at the end and with --eval-strategy in between; may be repeated")
		s.Float64Var(&o.evalFraction, "eval-fraction", 0, "`SHARE` of the rows that is kept for that instead, "+
			"chosen by the seed")
		s.BoolVar(&o.shuffle, "shuffle", true, "a new order in each epoch, that of transformers; --no-shuffle keeps that "+
			"of the files")
	})
}

// addRows adds what matters where rows are only read once.
func (o *dataOptions) addRows(s *pflag.FlagSet) {
	s.StringArrayVar(&o.files, "data", nil, "`FILE` of rows: .json, .jsonl, .csv, .txt or .parquet, also .gz or .zst; "+
		"may be repeated")
	choose(s, &o.format, "format", "fields of a row: instruction, input, output; messages, tools; conversations, "+
		"system, tools; prompt, completion; or text", "auto", "alpaca", "messages", "sharegpt", "completion", "text")
	s.StringSliceVar(&o.columns, "map", nil, "`FIELD=COLUMN` where a field of the format is in a column of another name; "+
		"may be repeated")
	s.StringVar(&o.skipBad, "skip-bad-rows", "", "leave out bad rows instead of refusing them, and write them with the "+
		"reasons to `FILE` (--skip-bad-rows=FILE), or to "+skippedName+" in the output")
	s.Lookup("skip-bad-rows").NoOptDefVal = "-"
	choose(s, &o.template, "template", "how a row becomes a prompt; auto is alpaca for alpaca rows, chatml for "+
		"conversations and none for others", "auto", "seed", "alpaca", "chatml", "none")
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
	if f.given("chat-template") && !f.given("template") && o.compat != "seed" {
		o.template = "chatml"
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
	if !(o.evalFraction >= 0 && o.evalFraction < 1) {
		return usagef("--eval-fraction: want at least 0 and less than 1, have %v", o.evalFraction)
	}
	if o.evalFraction > 0 && len(o.evalFiles) > 0 {
		return usagef("want --eval-fraction or --eval-data, have both")
	}
	return nil
}
