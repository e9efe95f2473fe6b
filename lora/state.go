package lora

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2/atomicfile"
	"github.com/vulora/vulora/qwen2/safetensors"
)

// The files of a checkpoint beside those of its adapter.
const (
	stateFile   = "training_state.json"
	momentsFile = "training_state.safetensors"
)

// maxStateBytes bounds training_state.json; real ones have some kilobytes.
const maxStateBytes = 1 << 22

// A state is all that a run needs to go on as if nothing had happened, but for the tensors.
type state struct {
	Format int `json:"format"`
	Step   int `json:"step"` // done; the position in the data as well: the next is step Step of the plan
	Steps  int `json:"steps"`

	Trainer   counters `json:"trainer"`
	Scheduler int      `json:"scheduler_step"` // steps that were not skipped
	Skipped   int      `json:"skipped"`
	InARow    int      `json:"skipped_in_a_row"` // up to the last step

	Evaluated int           `json:"evaluated"` // the step of the last evaluation; -1 for none
	Probed    int           `json:"probed"`    // and of the last answers to probes
	Pending   bool          `json:"pending"`   // not all was done that was due after the step
	Between   time.Duration `json:"between_nanoseconds"`
	Eval      evalState     `json:"evaluation"`

	Since  sinceLog      `json:"since_log"`
	Loss   float64       `json:"mean_loss"`
	Tokens int           `json:"tokens"`
	Took   time.Duration `json:"nanoseconds"`

	Cut         data.Cut    `json:"cut"` // of the steps' rows into passes
	Fingerprint fingerprint `json:"fingerprint"`
}

// counters are the trainer's. The random numbers of a step are a function of seed and Steps.
type counters struct {
	Updates int `json:"updates"` // of the optimizer, which its bias correction depends on
	Steps   int `json:"steps"`   // begun, those that changed nothing included
}

// sinceLog sums up the steps since the last log.
type sinceLog struct {
	Steps  int     `json:"steps"`
	Loss   float64 `json:"loss"`
	Tokens int     `json:"tokens"`
}

// write writes s and the optimizer's tensors to dir.
func (s *state) write(dir string, t *trainer) error {
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("lora: %s: %w", stateFile, err)
	}
	var tensors []safetensors.Tensor
	for _, m := range t.moments {
		all, err := m.layout.tensors(m.slab)
		if err != nil {
			return err
		}
		tensors = append(tensors, all...)
	}
	if err := safetensors.Write(filepath.Join(dir, momentsFile), tensors, nil); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, stateFile), func(w io.Writer) error {
		_, err := w.Write(append(content, '\n'))
		return err
	})
}

func readState(dir string) (s state, err error) {
	path := filepath.Join(dir, stateFile)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return s, fmt.Errorf("%s: want a checkpoint with %s, have none: %w", dir, stateFile, err)
	}
	if err != nil {
		return s, err
	}
	defer f.Close()
	d := json.NewDecoder(io.LimitReader(f, maxStateBytes))
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("%s: want JSON of at most %d bytes: %w", path, maxStateBytes, err)
	}
	if s.Format != 1 {
		return s, fmt.Errorf("%s: want format 1, have %d", path, s.Format)
	}
	if s.Step < 0 || s.Step > s.Steps || s.Trainer.Updates < 0 || s.Trainer.Steps < 0 || s.Scheduler < 0 {
		return s, fmt.Errorf("%s: want counts of at least 0 and a step of at most %d, have step %d, %+v", path, s.Steps,
			s.Step, s.Trainer)
	}
	if e := &s.Eval; s.Evaluated > s.Step || s.Probed > s.Step || e.Count < 0 || e.Waited < 0 ||
		e.Best != nil && (e.Best.Step < 1 || e.Best.Step > s.Step) {
		return s, fmt.Errorf("%s: want evaluations of the %d steps so far, have %+v", path, s.Step, *e)
	}
	return s, nil
}

// ended tells that nothing is left to do.
func (s *state) ended() bool { return !s.Pending && (s.Step == s.Steps || s.Eval.Stopped) }

// Finished tells whether the checkpoint in dir is that of the end of its run.
func Finished(dir string) bool {
	s, err := readState(dir)
	return err == nil && s.ended()
}

// CutOf returns how the run that the checkpoint in dir is of cuts its steps, which it must go on with.
func CutOf(dir string) (data.Cut, error) {
	s, err := readState(dir)
	return s.Cut, err
}

// PrecisionOf returns the precision of products in the run that the checkpoint in dir is of: f32 or bf16.
func PrecisionOf(dir string) (string, error) {
	s, err := readState(dir)
	return s.Fingerprint.Settings["precision"], err
}

// readMoments fills the optimizer's slabs from dir.
func (t *trainer) readMoments(dir string) error {
	f, err := safetensors.Open(filepath.Join(dir, momentsFile))
	if err != nil {
		return err
	}
	defer f.Close()
	var bad []string
	known := map[string]bool{}
	for _, m := range t.moments {
		bad = append(bad, m.layout.missing(f)...)
		for _, s := range m.layout.slots {
			known[s.key] = true
		}
	}
	for _, name := range f.Names() {
		if !known[name] {
			bad = append(bad, fmt.Sprintf("%s: want no such tensor, have one", name))
		}
	}
	if len(bad) > 0 {
		slices.Sort(bad)
		return fmt.Errorf("%s: the tensors are not those of this run:\n  %s", filepath.Join(dir, momentsFile),
			strings.Join(bad, "\n  "))
	}
	for _, m := range t.moments {
		if err := m.layout.read(m.slab, f); err != nil {
			return err
		}
	}
	return nil
}
