package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/qwen2/atomicfile"
)

// Metrics is a log of JSON lines with the names that transformers logs.
type Metrics struct {
	Path string

	file   *os.File
	broken bool
}

// Name is what notes call the report.
func (m *Metrics) Name() string { return "the log" }

// Begin opens the log. Of one that is there it keeps the lines up to the step done, which a run that goes on from a
// checkpoint would not write again.
func (m *Metrics) Begin(r Run) (err error) {
	mode := os.O_WRONLY | os.O_CREATE | os.O_TRUNC // never removed: it may be a pipe or a device
	if r.Done > 0 {
		if err := cutLog(m.Path, r.Done); err != nil {
			return fmt.Errorf("--log-file: %w", err)
		}
		mode = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	}
	if m.file, err = os.OpenFile(m.Path, mode, 0o666); err != nil {
		return fmt.Errorf("--log-file: %w", err)
	}
	return nil
}

// cutLog takes out of a log what is not of the steps up to done: later ones, a summary, a line that is cut off.
func cutLog(path string, done int) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil
	}
	if err != nil {
		return err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		lines := bufio.NewScanner(bytes.NewReader(content))
		lines.Buffer(nil, len(content)+1)
		for lines.Scan() {
			var line struct{ Step *int }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Step != nil && *line.Step <= done {
				if _, err := fmt.Fprintf(w, "%s\n", lines.Bytes()); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Observer writes a line at each log, evaluation and probe.
func (m *Metrics) Observer() lora.Observer {
	return lora.Observer{OnLog: m.log, OnEval: m.evaluation, OnProbe: m.probe}
}

// write adds a line. After the first error, which it returns, it does nothing: the line may have come in half.
func (m *Metrics) write(v any) error {
	if m.broken {
		return nil
	}
	e := json.NewEncoder(m.file)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	m.broken = err != nil
	return err
}

func (m *Metrics) log(p lora.Progress) error {
	return m.write(struct {
		Step         int      `json:"step"`
		Epoch        float64  `json:"epoch"`
		Loss         *float64 `json:"loss"`
		GradNorm     *float64 `json:"grad_norm"`
		LearningRate float64  `json:"learning_rate"`
		Tokens       int      `json:"tokens"`
		Seconds      float64  `json:"seconds"`
	}{p.Step, p.Epoch, finite(p.Loss), finite(p.GradNorm), p.LearningRate, p.Tokens, p.Elapsed.Seconds()})
}

// finite is nil, null in JSON, for what JSON has no number for: the figures of a skipped step.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// evaluation has what transformers logs.
func (m *Metrics) evaluation(e lora.Evaluated) error {
	seconds := e.Loss.Elapsed.Seconds()
	return m.write(struct {
		Step    int      `json:"step"`
		Epoch   float64  `json:"epoch"`
		Loss    *float64 `json:"eval_loss"`
		Seconds float64  `json:"eval_runtime"`
		Rows    float64  `json:"eval_samples_per_second"`
		Batches float64  `json:"eval_steps_per_second"`
	}{e.Step, e.Epoch, finite(e.EvalLoss), seconds, float64(e.Loss.Rows) / max(1e-9, seconds),
		float64(e.Loss.Batches) / max(1e-9, seconds)})
}

func (m *Metrics) probe(p lora.Probed) error {
	return m.write(struct {
		Step   int    `json:"step"`
		Prompt string `json:"probe"`
		Answer string `json:"answer"`
	}{p.Step, p.Prompt, p.Answer})
}

// End writes a summary of a run that came to its last step.
func (m *Metrics) End(e End) error {
	var err error
	if e.Err == nil && !e.Interrupted {
		err = m.write(struct {
			Steps   int     `json:"train_steps"`
			Loss    float64 `json:"train_loss"`
			Seconds float64 `json:"train_runtime"`
			Tokens  int     `json:"train_tokens"`
		}{e.Steps, e.Loss, e.Elapsed.Seconds(), e.Tokens})
	}
	return errors.Join(err, m.file.Close())
}
