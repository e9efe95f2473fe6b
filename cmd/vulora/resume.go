package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/checkpoint"
	"github.com/vulora/vulora/lora/peft"
)

// options says when and where checkpoints are made.
func (o *saveOptions) options(card func(steps int) peft.Card) lora.SaveOptions {
	so := lora.SaveOptions{Dir: o.output, Limit: o.totalLimit, Card: card, Epochs: o.strategy == "epoch"}
	if o.strategy == "steps" {
		so.Steps = o.steps
	}
	return so
}

// findCheckpoint resolves --resume.
func (o *saveOptions) findCheckpoint(s *shell) error {
	if err := checkpoint.Clean(o.output); err != nil {
		return err
	}
	switch o.resume {
	case "no":
		return nil
	case "auto":
		found, passed, err := checkpoint.Newest(o.output)
		if err != nil {
			return err
		}
		for _, err := range passed {
			s.note("passed over: %s", plain(err.Error()))
		}
		if found == nil {
			s.note("no checkpoint to go on from in %s: beginning anew", o.output)
			return nil
		}
		o.from = found.Dir
		return nil
	}
	o.from = o.resume
	if err := checkpoint.Verify(o.from); err != nil {
		return fmt.Errorf("--resume: want a complete checkpoint, auto or no: %w", err)
	}
	return o.checkMoved()
}

// checkMoved sees to a run that goes on in another folder: what is there must not be taken for its own checkpoints.
func (o *saveOptions) checkMoved() error {
	if sameFolder(filepath.Dir(o.from), o.output) {
		return nil
	}
	o.moved = true
	all, err := checkpoint.List(o.output)
	if err == nil && len(all) > 0 && !o.overwrite {
		err = fmt.Errorf("--output %s: want a folder without another run's checkpoints, have %s: name another, or add "+
			"--overwrite-output", o.output, filepath.Base(all[0].Dir))
	}
	return err
}

func (o *saveOptions) removeCheckpoints() error {
	all, err := checkpoint.List(o.output)
	for _, f := range all {
		if errors.Is(checkpoint.Verify(f.Dir), checkpoint.ErrIncomplete) {
			continue // another program's: ours are complete before they have their name
		}
		err = errors.Join(err, checkpoint.Remove(f.Dir))
	}
	return err
}

// settings are what the rows were made with; they are compared where the rows differ.
func (o *dataOptions) settings() map[string]string {
	return map[string]string{"data files": strings.Join(o.files, " "), "format": o.format,
		"map": strings.Join(o.columns, " "), "eval_fraction": fmt.Sprint(o.evalFraction), "template": o.template,
		"system": o.system, "train_on": o.trainOn, "append_eos": strconv.FormatBool(o.appendEOS),
		"max_length": strconv.Itoa(o.maxLength), "limit": strconv.Itoa(o.limit), "compat": o.compat}
}

// settings are what the base model's weights in memory depend on.
func (o *modelOptions) settings() (map[string]string, error) {
	weights, err := weightsDigest(o.dir)
	return map[string]string{"quantization": o.quantization, "double_quant": strconv.FormatBool(o.doubleQuant),
		"dtype": o.dtype, "head": o.head, "model weights": weights}, err
}

// digestPart is how much of either end of a weights file its digest is made of.
const digestPart = 1 << 20

// weightsDigest tells checkpoints apart: it is of the sizes and ends of the weights' files, not of every byte.
func weightsDigest(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.safetensors"))
	if err != nil {
		return "", err
	}
	slices.Sort(files)
	h := sha256.New()
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		info, err := f.Stat()
		if err == nil {
			fmt.Fprintln(h, info.Size())
			_, err = io.Copy(h, io.NewSectionReader(f, 0, digestPart))
		}
		if err == nil {
			_, err = io.Copy(h, io.NewSectionReader(f, max(0, info.Size()-digestPart), digestPart))
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d files, sha256 of their ends %s", len(files), hex.EncodeToString(h.Sum(nil)[:16])), nil
}

// stopped ends a run that a signal has ended, and says how to go on.
func (t *training) stopped(r lora.TrainReport) error {
	if r.Steps == 0 {
		fmt.Fprintln(t.s.err, "interrupted before the first step: nothing saved")
		return errInterrupted
	}
	if r.Checkpoint != checkpoint.Dir(t.o.save.output, r.Steps) {
		return errors.Join(t.rescue(r, errors.New("the checkpoint could not be written")), errInterrupted)
	}
	fmt.Fprintf(t.s.err, "interrupted after %d of %d steps; %s has the adapter so far. To go on:\n"+
		"  vulora train --config %s --resume auto\n", r.Steps, t.steps, r.Checkpoint,
		shellWord(filepath.Join(t.o.save.output, settingsName)))
	return errors.Join(t.result(r), errInterrupted)
}

// rescue keeps the adapter of a run whose output cannot be written: it is in a checkpoint, or goes elsewhere.
func (t *training) rescue(r lora.TrainReport, cause error) error {
	kept := checkpoint.Dir(t.o.save.output, r.AdapterStep)
	if (r.Checkpoint == kept || r.AdapterStep != r.Steps) && checkpoint.Verify(kept) == nil {
		return fmt.Errorf("the adapter could not be saved: %w\nNothing is lost: %s has it complete. Make room and run the "+
			"command again with --resume auto", cause, kept)
	}
	name := fmt.Sprintf("vulora-adapter-%s-step-%d", t.begun.Format("20060102-150405"), r.AdapterStep)
	parents := []string{filepath.Dir(filepath.Clean(t.o.save.output)), ".", os.TempDir()}
	if home, err := os.UserHomeDir(); err == nil {
		parents = append(parents, home)
	}
	var errs []error
	for _, parent := range parents {
		dir, err := filepath.Abs(filepath.Join(parent, name))
		if err == nil {
			err = t.adapter.Save(dir, t.card(r.AdapterStep))
		}
		if err == nil {
			return fmt.Errorf("the adapter could not be saved in %s: %w\nIt is in %s instead: make room and move it",
				t.o.save.output, cause, dir)
		}
		os.Remove(dir) // if it is empty
		errs = append(errs, err)
	}
	return fmt.Errorf("the adapter could not be saved: %w\nnor elsewhere: %w", cause, errors.Join(errs...))
}
