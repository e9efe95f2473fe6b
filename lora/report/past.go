package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/vulora/vulora/lora/peft"
)

// stateFile is the Trainer's name for its state.
const stateFile = "trainer_state.json"

// maxStateBytes bounds it: a line of the log takes about 150 bytes.
const maxStateBytes = 1 << 28

// Past is what the reports of the steps before a resumption had, as it is in the checkpoint's trainer_state.json.
type Past struct {
	lines []line // up to the step that the run goes on after
	state stateFields
}

// stateFields are those of trainer_state.json that only the steps before tell.
type stateFields struct {
	Epoch  float64 `json:"epoch"`
	Tokens int     `json:"num_input_tokens_seen"`
	Flos   float64 `json:"total_flos"`
}

// readPast reads trainer_state.json of a checkpoint. Lines of later steps and what is no number are left out; a
// checkpoint without the file has no past.
func readPast(dir string, done int) (p Past, err error) {
	path := filepath.Join(dir, stateFile)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	defer f.Close()
	var content struct {
		stateFields
		History []map[string]any `json:"log_history"`
	}
	d := json.NewDecoder(io.LimitReader(f, maxStateBytes))
	d.UseNumber()
	if err := d.Decode(&content); err != nil {
		return p, fmt.Errorf("%s: want JSON of at most %d bytes: %w", path, maxStateBytes, err)
	}
	p.state = content.stateFields
	for _, entry := range content.History {
		if l, ok := parseLine(entry); ok && l.step <= done {
			p.lines = append(p.lines, l)
		}
	}
	return p, nil
}

func parseLine(entry map[string]any) (line, bool) {
	step, epoch := -1, 0.0
	var values []value
	for name, x := range entry {
		n := peft.Float(math.NaN()) // null
		if literal, ok := x.(json.Number); ok {
			f, err := literal.Float64()
			if err != nil {
				continue
			}
			n = peft.Number{Value: f, Float: strings.ContainsAny(literal.String(), ".eE")}
		} else if x != nil {
			continue
		}
		switch {
		case name == "step" && n.Value >= 0 && n.Value <= math.MaxInt32:
			step = int(n.Value)
		case name == "epoch":
			epoch = n.Value
		case strings.IndexFunc(name, notInNames) < 0:
			values = append(values, value{name, n})
		}
	}
	return newLine(max(step, 0), epoch, values...), step >= 0
}

// notInNames keeps names that would have to be escaped out of what is written.
func notInNames(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
