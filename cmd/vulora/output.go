package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/checkpoint"
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
	resume     string

	from  string // the checkpoint to go on from, once resolved
	moved bool   // it lies in another folder than output
}

func (o *saveOptions) add(f *flags) {
	f.group("Output", func(s *pflag.FlagSet) {
		s.StringVar(&o.output, "output", "", "`DIR` for the adapter")
		s.BoolVar(&o.overwrite, "overwrite-output", false, "write into a folder that holds other things")
		choose(s, &o.strategy, "save-strategy", "when checkpoint-N is saved, an adapter with all that is needed to go on",
			"steps", "epoch", "no")
		s.IntVar(&o.steps, "save-steps", 100, "save after each so many steps")
		s.IntVar(&o.totalLimit, "save-total-limit", 2, "checkpoints that are kept, 0 for all")
		s.StringVar(&o.resume, "resume", "no", "go on from a checkpoint `DIR`; auto takes the newest complete one in the "+
			"output, or begins anew if there is none")
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

// prepareOutput makes the folder dir and sees that it can be written to, before hours are spent on what goes there.
// undo removes the folder if it was made here and nothing has come into it.
func prepareOutput(dir string, overwrite, goesOn bool) (undo func(), err error) {
	undo = func() {}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return undo, fmt.Errorf("--output: want a folder: %w", err)
	}
	if err != nil {
		undo = func() { os.Remove(dir) }
	}
	newest, _, err := checkpoint.Newest(dir)
	if err != nil {
		return undo, err
	}
	ours := exists(dir, "adapter_config.json") || exists(dir, metricsName) || exists(dir, settingsName)
	switch {
	case newest != nil && !overwrite && !goesOn && !lora.Finished(newest.Dir):
		return undo, fmt.Errorf("--output %s: want a folder without a run to go on with, have one with %s: go on with "+
			"--resume auto, name another folder, or begin anew in it with --overwrite-output", dir,
			filepath.Base(newest.Dir))
	case len(entries) > 0 && !ours && !overwrite && newest == nil:
		return undo, fmt.Errorf("--output %s: want a new or empty folder or one with an adapter, have one with %s in it: "+
			"name another, or add --overwrite-output", dir, entries[0].Name())
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

// tellReplaced says what of an earlier run is in the output, where another takes its place.
func (o *saveOptions) tellReplaced(s *shell) {
	what, checkpoints := "", ""
	if exists(o.output, metricsName) || exists(o.output, settingsName) {
		what = "run"
	}
	if newest, _, _ := checkpoint.Newest(o.output); newest != nil { // prepareOutput has told what is wrong with the folder
		what, checkpoints = "run", ", and its checkpoints removed, up to "+filepath.Base(newest.Dir)
	}
	if exists(o.output, "adapter_config.json") {
		what = "adapter"
	}
	if what != "" {
		s.note("the %s in %s will be replaced%s", what, o.output, checkpoints)
	}
}

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// saver writes the adapter after it is trained, and what belongs beside one.
type saver struct {
	o       *saveOptions
	model   string // folder of the base model
	chat    string // file of another chat template than the model's; empty for none
	adapter *lora.Adapter
	card    func(steps int) peft.Card
}

// save writes the adapter after some steps to dir and returns its size in bytes.
func (v *saver) save(dir string, steps int) (int64, error) {
	if err := v.adapter.Save(dir, v.card(steps)); err != nil {
		return 0, err
	}
	info, err := os.Stat(filepath.Join(dir, "adapter_model.safetensors"))
	if err != nil {
		return 0, err
	}
	return info.Size(), v.copyTokenizer(dir)
}

func (v *saver) copyTokenizer(dir string) error {
	for _, name := range lora.TokenizerFiles {
		err := copyFile(filepath.Join(v.model, name), filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if v.chat == "" {
		return nil
	}
	return copyFile(v.chat, filepath.Join(dir, "chat_template.jinja"))
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
