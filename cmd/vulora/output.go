package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2/atomicfile"
)

// saveOptions say what is written where.
type saveOptions struct {
	output     string
	strategy   string
	steps      int
	totalLimit int
	overwrite  bool
}

func (o *saveOptions) add(f *flags) {
	f.group("Output", func(s *pflag.FlagSet) {
		s.StringVar(&o.output, "output", "", "`DIR` for the adapter")
		s.BoolVar(&o.overwrite, "overwrite-output", false, "write into a folder that holds other things")
		choose(s, &o.strategy, "save-strategy", "when the adapter is also saved as checkpoint-N", "steps", "epoch", "no")
		s.IntVar(&o.steps, "save-steps", 100, "save after each so many steps")
		s.IntVar(&o.totalLimit, "save-total-limit", 2, "checkpoints of this run that are kept, 0 for all")
	})
}

// check is lenient about the output of a run that is only planned.
func (o *saveOptions) check(planned bool) error {
	switch {
	case o.output == "" && !planned:
		return usagef("--output: want a folder for the adapter, have none")
	case o.steps < 1:
		return usagef("--save-steps: want at least 1, have %d; --save-strategy no saves at the end only", o.steps)
	case o.totalLimit < 0:
		return usagef("--save-total-limit: want at least 0, have %d", o.totalLimit)
	}
	return nil
}

const metricsName = "metrics.jsonl"

func (o *saveOptions) metricsPath() string { return filepath.Join(o.output, metricsName) }

// prepareOutput makes the folder dir and sees that it can be written to, before hours are spent on what goes there.
// undo removes the folder if it was made here and nothing has come into it.
func prepareOutput(s *shell, dir string, overwrite bool) (undo func(), err error) {
	undo = func() {}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return undo, fmt.Errorf("--output: want a folder: %w", err)
	}
	if err != nil {
		undo = func() { os.Remove(dir) }
	}
	ours := exists(dir, "adapter_config.json") || exists(dir, metricsName)
	switch {
	case len(entries) > 0 && !ours && !overwrite:
		return undo, fmt.Errorf("--output %s: want a new or empty folder or one with an adapter, have one with %s in it: "+
			"name another, or add --overwrite-output", dir, entries[0].Name())
	case ours:
		s.note("the adapter in %s will be replaced", dir)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return undo, fmt.Errorf("--output: %w", err)
	}
	f, err := os.CreateTemp(dir, ".vulora-")
	if err != nil {
		return undo, fmt.Errorf("--output: want a folder that can be written to: %w", err)
	}
	return undo, errors.Join(f.Close(), os.Remove(f.Name()))
}

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// saver writes the adapter while and after it is trained.
type saver struct {
	o        *saveOptions
	model    string // folder of the base model
	perEpoch int    // steps
	adapter  *lora.Adapter
	card     func(steps int) peft.Card

	kept []string // checkpoints of this run, oldest first
}

// step saves a checkpoint if one is due, removes the oldest ones beyond the limit and returns its folder.
func (v *saver) step(p lora.Progress) (dir string, err error) {
	due := v.o.strategy == "steps" && p.Step%v.o.steps == 0 || v.o.strategy == "epoch" && p.Step%v.perEpoch == 0
	if !due || p.Step == p.Steps { // the output itself is the last one
		return "", nil
	}
	dir = filepath.Join(v.o.output, fmt.Sprintf("checkpoint-%d", p.Step))
	if _, err := v.save(dir, p.Step); err != nil {
		return "", err
	}
	v.kept = append(v.kept, dir)
	for v.o.totalLimit > 0 && len(v.kept) > v.o.totalLimit {
		err = errors.Join(err, os.RemoveAll(v.kept[0]))
		v.kept = v.kept[1:]
	}
	return dir, err
}

// tokenizerFiles are copied beside the adapter, where transformers looks for them.
var tokenizerFiles = []string{"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
	"vocab.json", "merges.txt", "chat_template.jinja"}

// save writes the adapter after some steps to dir and returns its size in bytes.
func (v *saver) save(dir string, steps int) (int64, error) {
	if err := v.adapter.Save(dir, v.card(steps)); err != nil {
		return 0, err
	}
	for _, name := range tokenizerFiles {
		if err := copyFile(filepath.Join(v.model, name), filepath.Join(dir, name)); err != nil && !errors.Is(err,
			fs.ErrNotExist) {
			return 0, err
		}
	}
	info, err := os.Stat(filepath.Join(dir, "adapter_model.safetensors"))
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func copyFile(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return atomicfile.Write(to, func(w io.Writer) error {
		_, err := io.Copy(w, f)
		return err
	})
}

// metrics is a log of JSON lines with the names that transformers logs.
type metrics struct {
	file   *os.File
	broken bool
}

func newMetrics(path string) (*metrics, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("--log-file: %w", err)
	}
	return &metrics{file: f}, nil
}

// write adds a line. After the first error, which it returns, it does nothing.
func (m *metrics) write(v any) error {
	if m.broken {
		return nil
	}
	err := json.NewEncoder(m.file).Encode(v)
	m.broken = err != nil
	return err
}

func (m *metrics) log(p lora.Progress) error {
	return m.write(struct {
		Step         int     `json:"step"`
		Epoch        float64 `json:"epoch"`
		Loss         float64 `json:"loss"`
		GradNorm     float64 `json:"grad_norm"`
		LearningRate float64 `json:"learning_rate"`
		Tokens       int     `json:"tokens"`
		Seconds      float64 `json:"seconds"`
	}{p.Step, p.Epoch, p.Loss, p.GradNorm, p.LearningRate, p.Tokens, p.Elapsed.Seconds()})
}

func (m *metrics) summary(r lora.TrainReport) error {
	return m.write(struct {
		Steps   int     `json:"train_steps"`
		Loss    float64 `json:"train_loss"`
		Seconds float64 `json:"train_runtime"`
		Tokens  int     `json:"train_tokens"`
	}{r.Steps, r.Loss, r.Elapsed.Seconds(), r.Tokens})
}

func (m *metrics) close() error { return m.file.Close() }
