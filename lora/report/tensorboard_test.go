package report

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vulora/vulora/lora"
)

// Events are byte for byte what TensorBoard 2.21 writes itself.
func TestEventsAreTensorBoards(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("testdata", "events.tfrecord"))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_700_000_000, 250_000_000)
	var have []byte
	for _, e := range [][]byte{versionEvent(at, 0), startEvent(at, 300),
		summaryEvent(at, 300, scalar("train/loss", 1.5), scalar("eval/loss", math.NaN())),
		summaryEvent(at, 300, textValue("probe/1", "    나"))} {
		have = appendRecord(have, e)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("want\n%x\nhave\n%x", want, have)
	}
}

// records reads the records of a file and fails where it ends within one.
func records(t *testing.T, path string) (all []string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for len(b) > 0 {
		n := binary.LittleEndian.Uint64(b)
		if uint64(len(b)) < n+16 {
			t.Fatalf("%s ends in a record of %d bytes with %d", path, n, len(b))
		}
		all = append(all, string(b[12:12+n]))
		b = b[16+n:]
	}
	return all
}

func eventFiles(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, eventsPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What is logged is in the file at once, and a run that goes on has a later file, which says what is to be forgotten.
func TestTensorBoardGoesOn(t *testing.T) {
	dir := t.TempDir()
	first := &TensorBoard{Dir: dir, Settings: "a: 1"}
	all := begin(t, &Set{Reports: []Report{first}}, lora.Plan{Steps: 4, Rows: 8})
	tell(t, all, onLog, lora.Progress{Step: 1, Steps: 4, Loss: 2})
	tell(t, all, onEval, lora.Evaluated{Step: 1, EvalLoss: 3, Loss: lora.Evaluation{Elapsed: time.Second}})
	tell(t, all, onProbe, lora.Probed{Step: 1, Prompt: "who?", Answer: "<b>I</b>\n# no heading"})
	files := eventFiles(t, dir)
	if len(files) != 1 {
		t.Fatalf("have %v", files)
	}
	have := records(t, files[0]) // it is not closed: the run was killed
	for i, want := range []string{"brain.Event:2", "args/text_summary", "train/loss", "eval/loss",
		"probe/1/text_summary"} {
		if i >= len(have) || !strings.Contains(have[i], want) {
			t.Fatalf("event %d: want %q in %q", i, want, have)
		}
	}
	if !strings.Contains(have[4], "\n    # no heading") {
		t.Errorf("want the answer as it is, have %q", have[4])
	}

	again := &TensorBoard{Dir: dir}
	s := &Set{Reports: []Report{again}}
	begin(t, s, lora.Plan{Steps: 4, Done: 2})
	s.End(End{TrainReport: lora.TrainReport{Steps: 4, Elapsed: time.Second}})
	files = eventFiles(t, dir)
	if len(files) != 2 {
		t.Fatalf("have %v", files)
	}
	have = records(t, files[1])
	if start := startEvent(time.Unix(0, 0), 3); len(have) != 3 || have[1][9:] != string(start[9:]) ||
		!strings.Contains(have[2], "train/train_loss") {
		t.Errorf("want a version, a start of step 3 and a summary, have %q", have)
	}
}

func BenchmarkTensorBoard(b *testing.B) {
	t := &TensorBoard{Dir: b.TempDir()}
	if err := t.Begin(Run{}); err != nil {
		b.Fatal(err)
	}
	defer t.End(End{})
	log, step := t.Observer().OnLog, 0
	for b.Loop() {
		step++
		if err := log(lora.Progress{Step: step, Loss: 1, GradNorm: 1, LearningRate: 1e-4}); err != nil {
			b.Fatal(err)
		}
	}
}
