package data

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func goldenDir() string {
	if dir := os.Getenv("VULORA_GOLDENS"); dir != "" {
		return dir
	}
	return "testdata"
}

func golden(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(goldenDir(), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestGoldenDataOrder(t *testing.T) {
	var orders struct {
		Orders []struct {
			N      int
			Seed   int64
			Epochs [][]int
		}
	}
	golden(t, "data-order/orders.json", &orders)
	if len(orders.Orders) == 0 {
		t.Fatal("the golden has no orders")
	}
	for _, o := range orders.Orders {
		for epoch, want := range o.Epochs {
			if have := Permutation(o.N, o.Seed+int64(epoch)); !slices.Equal(have, want) {
				t.Errorf("n %d, seed %d, epoch %d: want %v, have %v", o.N, o.Seed, epoch, want, have)
			}
		}
	}
	var numbers struct {
		First map[string][]uint32 `json:"first_16_uint32"`
	}
	golden(t, "data-order/mt19937.json", &numbers)
	if len(numbers.First) == 0 {
		t.Fatal("the golden has no numbers")
	}
	for text, want := range numbers.First {
		seed, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		m := newMT19937(uint32(seed))
		for i, w := range want {
			if have := m.next(); have != w {
				t.Errorf("seed %d, number %d: want %d, have %d", seed, i, w, have)
			}
		}
	}
}

type trajectory struct {
	Arguments struct {
		BatchSize    int     `json:"per_device_train_batch_size"`
		Accumulation int     `json:"gradient_accumulation_steps"`
		Epochs       float64 `json:"num_train_epochs"`
		MaxSteps     int     `json:"max_steps"`
		Seed         int64   `json:"seed"`
		DataSeed     *int64  `json:"data_seed"`
	} `json:"training_arguments"`
	MaxSteps int `json:"max_steps"`
	Steps    []struct {
		Epoch        float64
		NumItems     int     `json:"num_items"`
		Legacy       int     `json:"num_items_legacy_unshifted"`
		MicroBatches [][]int `json:"micro_batches"`
	}
}

func TestGoldenTrainTrajectory(t *testing.T) {
	var files []string
	for _, pattern := range []string{"train-trajectory/*/trajectory.json", "qlora-trajectory/trajectory.json"} {
		found, err := filepath.Glob(filepath.Join(goldenDir(), filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Fatal("there are no trajectories")
	}
	for _, file := range files {
		name, err := filepath.Rel(goldenDir(), file)
		if err != nil {
			t.Fatal(err)
		}
		name = filepath.ToSlash(name)
		t.Run(name, func(t *testing.T) { checkTrajectory(t, name) })
	}
}

func checkTrajectory(t *testing.T, name string) {
	var want trajectory
	golden(t, name, &want)
	var dataset struct {
		Rows []struct {
			IDs    []int32 `json:"input_ids"`
			Labels []int32
		}
	}
	golden(t, strings.Split(name, "/")[0]+"/dataset.json", &dataset)
	var examples []Example
	for _, row := range dataset.Rows {
		examples = append(examples, Example{IDs: row.IDs, Labels: row.Labels})
	}
	a := want.Arguments
	s := Schedule{BatchSize: a.BatchSize, Accumulation: a.Accumulation, Epochs: a.Epochs, Seed: a.Seed, Shuffle: true}
	s.MaxSteps = max(0, a.MaxSteps)
	if a.DataSeed != nil {
		s.Seed = *a.DataSeed
	}
	p, err := NewPlan(len(examples), s)
	if err != nil {
		t.Fatal(err)
	}
	if p.Steps() != want.MaxSteps || len(want.Steps) != want.MaxSteps {
		t.Fatalf("want %d steps (%d given), have %d", want.MaxSteps, len(want.Steps), p.Steps())
	}
	for step := range p.From(0) {
		w := want.Steps[step.Index]
		if !slices.EqualFunc(step.MicroBatches, w.MicroBatches, slices.Equal[[]int]) {
			t.Errorf("step %d: want rows %v, have %v", step.Index, w.MicroBatches, step.MicroBatches)
		}
		if n := NumItems(step, examples, ItemsHF); n != w.NumItems {
			t.Errorf("step %d: want %d items, have %d", step.Index, w.NumItems, n)
		}
		if n := NumItems(step, examples, ItemsLegacy); n != w.Legacy {
			t.Errorf("step %d: want %d items by the old rule, have %d", step.Index, w.Legacy, n)
		}
		// Two float64 operations on either side.
		if math.Abs(step.Progress-w.Epoch) > 1e-12*max(1, w.Epoch) {
			t.Errorf("step %d: want epoch %v, have %v", step.Index, w.Epoch, step.Progress)
		}
	}
}

// recorded gives the ids a real tokenizer gave for whole texts.
type recorded struct {
	t   *testing.T
	ids map[string][]int32
}

func (r recorded) Encode(text string) []int32 {
	ids, ok := r.ids[text]
	if !ok {
		r.t.Errorf("no ids are recorded for %q", text)
	}
	return ids
}

type seedPrompts struct {
	Template  string
	MaxLength int `json:"max_length"`
	Rows      []struct {
		File string
		Row  int
		Text string
		IDs  []int32
	}
	Variants map[string]struct {
		ID         int32 `json:"pad_id"`
		Pads       []int `json:"pads_per_row"`
		Supervised []int `json:"supervised_after_shift"`
	} `json:"pad_variants"`
}

// rows takes the fields out of the recorded texts with the golden's own template.
func (p seedPrompts) rows(t *testing.T) ([]Row, recorded) {
	pattern := regexp.QuoteMeta(p.Template)
	for _, field := range []string{"instruction", "input", "output"} {
		pattern = strings.Replace(pattern, `\{`+field+`\}`, "(.*?)", 1)
	}
	template := regexp.MustCompile("(?s)^" + pattern + "$")
	var rows []Row
	enc := recorded{t, map[string][]int32{}}
	for _, r := range p.Rows {
		m := template.FindStringSubmatch(r.Text)
		if m == nil {
			t.Fatalf("row %d of %s is not of the template", r.Row, r.File)
		}
		rows = append(rows, Row{Format: Alpaca, File: r.File, Line: r.Row, Prompt: m[1], Input: m[2], Output: m[3]})
		enc.ids[r.Text] = r.IDs
	}
	return rows, enc
}

func TestGoldenSeedPrompts(t *testing.T) {
	var prompts seedPrompts
	golden(t, "seed-prompts/prompts.json", &prompts)
	if len(prompts.Rows) == 0 || len(prompts.Variants) == 0 {
		t.Fatal("the golden has no rows or variants")
	}
	rows, enc := prompts.rows(t)
	for name, v := range prompts.Variants {
		examples, _, err := Build(rows, enc, nil, Options{
			Template: TemplateSeed, TrainOn: TrainAll, MaxLength: prompts.MaxLength, MaskPad: true, Pad: v.ID})
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range examples {
			if !slices.Equal(e.IDs, prompts.Rows[i].IDs) {
				t.Errorf("%s: row %d: want ids %v, have %v", name, i, prompts.Rows[i].IDs, e.IDs)
			}
			if n := prompts.MaxLength - len(e.IDs); n != v.Pads[i] {
				t.Errorf("%s: row %d: want %d pads, have %d", name, i, v.Pads[i], n)
			}
			step := Step{MicroBatches: [][]int{{i}}}
			if n := NumItems(step, examples, ItemsHF); n != v.Supervised[i] {
				t.Errorf("%s: row %d: want %d supervised labels, have %d", name, i, v.Supervised[i], n)
			}
		}
	}
	checkCollator(t, prompts, rows, enc)
}

func checkCollator(t *testing.T, prompts seedPrompts, rows []Row, enc Encoder) {
	var collator struct {
		Rows []struct {
			File   string
			Row    int
			IDs    []int32 `json:"input_ids"`
			Mask   []int   `json:"attention_mask"`
			Labels []int32
		}
	}
	golden(t, "seed-prompts/collator.json", &collator)
	if len(collator.Rows) == 0 {
		t.Fatal("the golden has no collated rows")
	}
	for _, want := range collator.Rows {
		at := slices.IndexFunc(rows, func(r Row) bool { return r.File == want.File && r.Line == want.Row })
		if at < 0 {
			t.Fatalf("row %d of %s has no prompt", want.Row, want.File)
		}
		matched := false
		for _, v := range prompts.Variants {
			examples, _, err := Build(rows[at:at+1], enc, nil, Options{
				Template: TemplateSeed, TrainOn: TrainAll, MaxLength: prompts.MaxLength, MaskPad: true, Pad: v.ID})
			if err != nil {
				t.Fatal(err)
			}
			ids, labels := examples[0].IDs, examples[0].Labels
			for i := len(ids); i < prompts.MaxLength; i++ {
				ids, labels = append(ids, v.ID), append(labels, Ignore)
			}
			matched = matched || slices.Equal(ids, want.IDs) && slices.Equal(labels, want.Labels)
		}
		if !matched {
			t.Errorf("row %d of %s: no pad id gives the collator's ids and labels", want.Row, want.File)
		}
	}
}
