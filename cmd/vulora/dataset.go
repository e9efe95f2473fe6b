package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/tokenizer"
)

// dataset is what files became.
type dataset struct {
	files    []data.File
	examples []data.Example
	report   data.Report
	bad      data.BadRows // left out
	badFile  string       // where these were written, if anywhere

	eval *dataset // to evaluate on; nil where nothing was asked for
}

// where names the row of an example.
func (d *dataset) where(e data.Example) string {
	return fmt.Sprintf("%s:%d", d.files[e.File].Name, e.Line)
}

// build reads the files and tokenises the rows.
func (o *dataOptions) build(s *shell, t *tokenizer.Tokenizer, c *qwen2.Config) (*dataset, error) {
	if len(o.files) == 0 {
		return nil, usagef("--data: want a file of rows, have none")
	}
	return o.read(s, t, c, o.files, o.limit, os.O_TRUNC)
}

// buildBoth is build with the rows to evaluate on, if any.
func (o *dataOptions) buildBoth(s *shell, t *tokenizer.Tokenizer, c *qwen2.Config, seed uint64) (*dataset, error) {
	d, err := o.build(s, t, c)
	if err != nil {
		return nil, err
	}
	switch {
	case len(o.evalFiles) > 0:
		mode := os.O_APPEND
		if d.bad.Total == 0 { // what is there is an earlier run's
			mode = os.O_TRUNC
		}
		d.eval, err = o.read(s, t, c, o.evalFiles, 0, mode)
	case o.evalFraction > 0:
		whole := d.report
		d.eval = &dataset{files: d.files}
		d.examples, d.eval.examples, err = data.Split(d.examples, o.evalFraction, int64(seed))
		d.report, d.eval.report = data.ReportOf(d.examples), data.ReportOf(d.eval.examples)
		d.report.Truncated, d.report.Cut, d.report.Straddled = whole.Truncated, whole.Cut, whole.Straddled
	}
	return d, err
}

func (o *dataOptions) read(s *shell, t *tokenizer.Tokenizer, c *qwen2.Config, names []string, limit, badMode int) (
	d *dataset, err error) {
	ro := data.ReadOptions{Limit: limit, AllowEmptyOutput: o.compat == "seed"}
	if ro.Format, err = data.ParseFormat(o.format); err != nil {
		return nil, err
	}
	if ro.Columns, err = data.ParseColumns(o.columns); err != nil {
		return nil, usagef("--map: %s", plain(err.Error()))
	}
	skipped := skippedRows{mode: badMode}
	if o.skipBad != "" {
		skipped.path = o.skippedPath()
		ro.Skip = skipped.add
	}
	bo, err := o.buildOptions(t, c, limit)
	if err != nil {
		return nil, err
	}
	d, place := o.cache.find(s, t, names, ro, bo)
	if d != nil {
		return d, nil
	}
	d = new(dataset)
	b, err := data.NewBuilder(t, chatEncoder{t, bo.TrainOn}, bo, func(e data.Example) error {
		d.examples = append(d.examples, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	d.files, d.bad, err = data.Scan(s.ctx, names, ro, b.Row)
	if err = errors.Join(err, skipped.close()); err != nil {
		if s.ctx.Err() != nil {
			return nil, errInterrupted
		}
		return nil, err
	}
	d.badFile = skipped.path
	if d.report, err = b.Report(); err == nil {
		place.keep(s, d)
	}
	return d, err
}

func (o *dataOptions) skippedPath() string {
	if o.skipBad != "-" {
		return o.skipBad
	}
	if o.skipDir != "" {
		return filepath.Join(o.skipDir, skippedName)
	}
	return ""
}

// skippedRows writes bad rows to a file, which is made when the first one comes.
type skippedRows struct {
	path string
	mode int // os.O_APPEND behind those of the rows to train on
	file *os.File
	w    *bufio.Writer
}

func (f *skippedRows) add(row data.Skipped) (err error) {
	if f.path == "" {
		return nil
	}
	if f.file == nil {
		if f.file, err = os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|f.mode, 0o666); err != nil {
			return fmt.Errorf("--skip-bad-rows: %w", err)
		}
		f.w = bufio.NewWriter(f.file)
	}
	line, err := json.Marshal(row)
	if err != nil {
		return fmt.Errorf("--skip-bad-rows: %w", err)
	}
	if _, err := f.w.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("--skip-bad-rows: %w", err)
	}
	return nil
}

func (f *skippedRows) close() error {
	if f.file == nil {
		return nil
	}
	if err := errors.Join(f.w.Flush(), f.file.Close()); err != nil {
		return fmt.Errorf("--skip-bad-rows: %w", err)
	}
	return nil
}

func (o *dataOptions) buildOptions(t *tokenizer.Tokenizer, c *qwen2.Config, limit int) (data.Options, error) {
	bo := data.Options{System: o.system, AppendEOS: o.appendEOS, MaxLength: o.maxLength, Limit: limit}
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
type chatEncoder struct {
	t  *tokenizer.Tokenizer
	on data.TrainOn
}

func (e chatEncoder) EncodeChat(messages []data.Message, tools []json.RawMessage) ([]int32, []bool, error) {
	chat := make([]tokenizer.Message, len(messages))
	for i, m := range messages {
		chat[i] = tokenizer.Message{Role: m.Role, Content: m.Content, Raw: m.Raw}
		if len(m.ToolCalls) == 0 {
			continue
		}
		if err := json.Unmarshal(m.ToolCalls, &chat[i].ToolCalls); err != nil {
			return nil, nil, fmt.Errorf("message %d: tool_calls: %w", i, err)
		}
	}
	if e.on != data.TrainAll {
		return e.t.EncodeChat(chat, tools, false)
	}
	text, err := e.t.RenderChat(chat, tools, false) // any template will do: nobody asks who says what
	ids := e.t.Encode(text)
	return ids, make([]bool, len(ids)), err
}
