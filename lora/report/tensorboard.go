package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vulora/vulora/lora"
)

// TensorBoard writes events with the tags of transformers' TensorBoardCallback into a file of its own in Dir. Each is
// written at once, so that a run that is killed loses none.
type TensorBoard struct {
	Dir          string
	Settings     string  // of the run, shown as text
	FlosPerToken float64 // as TrainerState's

	file   *os.File
	broken bool
	run    Run
	epoch  float64
	probes map[string]string // tags by prompt
}

// Name is what notes call the report.
func (t *TensorBoard) Name() string { return "the log for TensorBoard" }

// eventsPrefix is how the name of an event file begins; the seconds of its beginning follow, since TensorBoard reads
// the files in the order of their names.
const eventsPrefix = "events.out.tfevents."

// Begin makes the file. Where there are others, TensorBoard is told to forget what they have of the steps to come.
func (t *TensorBoard) Begin(r Run) error {
	t.run, t.epoch, t.probes = r, r.Past.state.Epoch, map[string]string{}
	if err := os.MkdirAll(t.Dir, 0o777); err != nil {
		return fmt.Errorf("--tensorboard: %w", err)
	}
	entries, err := os.ReadDir(t.Dir)
	if err != nil {
		return fmt.Errorf("--tensorboard: %w", err)
	}
	now := time.Now()
	second, others := now.Unix(), false
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), eventsPrefix)
		if !ok {
			continue
		}
		others = true
		digits, _, _ := strings.Cut(rest, ".")
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil && n >= second && n < 1e10-1 {
			second = n + 1
		}
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	name := fmt.Sprintf("%s%010d.%s.%d.0", eventsPrefix, second, strings.ReplaceAll(host, string(filepath.Separator), "_"),
		os.Getpid())
	t.file, err = os.OpenFile(filepath.Join(t.Dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("--tensorboard: %w", err)
	}
	events := [][]byte{versionEvent(now, 0)}
	first := 0
	if r.Done > 0 {
		first = r.Done + 1
	}
	if others {
		events = append(events, startEvent(now, first))
	}
	if t.Settings != "" && r.Done == 0 {
		events = append(events, summaryEvent(now, 0, textValue("args", verbatim(t.Settings))))
	}
	return t.write(events...)
}

// Observer writes what is logged.
func (t *TensorBoard) Observer() lora.Observer {
	return lora.Observer{
		OnLog: func(p lora.Progress) error {
			t.epoch = p.Epoch
			return t.log(logged(p))
		},
		OnEval: func(e lora.Evaluated) error {
			t.epoch = e.Epoch
			return t.log(evaluated(e))
		},
		OnProbe: t.probe,
	}
}

func (t *TensorBoard) log(l line) error {
	var values [][]byte
	for _, v := range l.values {
		if v.name != "step" {
			values = append(values, scalar(v.tag(), v.x.Value))
		}
	}
	return t.write(summaryEvent(time.Now(), l.step, values...))
}

func (t *TensorBoard) probe(p lora.Probed) error {
	tag, ok := t.probes[p.Prompt]
	if !ok {
		tag = fmt.Sprintf("probe/%d", len(t.probes)+1)
		t.probes[p.Prompt] = tag
	}
	return t.write(summaryEvent(time.Now(), p.Step, textValue(tag, verbatim(p.Prompt)+"\n\n…\n\n"+verbatim(p.Answer))))
}

// verbatim indents text: TensorBoard reads it as Markdown, and what a model writes must not be markup.
func verbatim(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\r", "\n"), "�")
	return "    " + strings.ReplaceAll(text, "\n", "\n    ")
}

// write adds events in one go. After the first error, which it returns, it does nothing: an event may be there in half.
func (t *TensorBoard) write(events ...[]byte) error {
	if t.broken {
		return nil
	}
	var b []byte
	for _, e := range events {
		b = appendRecord(b, e)
	}
	_, err := t.file.Write(b)
	t.broken = err != nil
	return err
}

// End writes the summary of a run that came to its end.
func (t *TensorBoard) End(e End) error {
	var err error
	if e.Err == nil && !e.Interrupted && e.Steps > 0 {
		err = t.log(summary(e, t.epoch, t.run.Rows, t.FlosPerToken*float64(e.Tokens)))
	}
	if closeErr := t.file.Close(); !errors.Is(closeErr, fs.ErrClosed) {
		err = errors.Join(err, closeErr)
	}
	return err
}
